DROP VIEW IF EXISTS `view_cust_current_active`;
CREATE VIEW `view_cust_current_active` AS SELECT * FROM `cust` WHERE `autsys` IS NOT NULL;
