-- The views, and one trigger, as later releases of v4 have it: DELIMITER is the client's word, not the server's.
DROP VIEW IF EXISTS `view_cust_current_active`;
CREATE VIEW `view_cust_current_active` AS SELECT * FROM `cust` WHERE `autsys` IS NOT NULL;

DROP TRIGGER IF EXISTS `cust_added`;
DELIMITER ;;
CREATE TRIGGER `cust_added` AFTER INSERT ON `cust` FOR EACH ROW
BEGIN
    SET @last_cust = NEW.id;
END ;;
DELIMITER ;

DROP VIEW IF EXISTS `view_switch_details_by_custid`;
CREATE VIEW `view_switch_details_by_custid` AS SELECT `id`, `name` FROM `switch`;
