//! The installed software: the tree, upstream, PHP, composer and bower.

use super::super::Severity;
use super::{Asked, Findings, few};
use crate::facts::{Distrust, Facts, Preflight};
use crate::release;

impl Findings {
    pub(super) fn tree(&mut self, asked: &Asked<'_>, facts: &Facts) {
        if let Some(found) = &facts.distrust {
            self.distrust(asked, facts, found);
            // Without git nothing else is known of the tree.
            return;
        }
        if let Some(why) = facts.troubles.get("commit") {
            // Of what git does not tell nothing else is known, of upstream neither.
            return self.refused(asked, facts, why);
        }
        if !facts.modified_files.is_empty() {
            self.blocker(
                "tree-modified",
                format!("tracked files are modified: {}", few(&facts.modified_files)),
                format!("look at them: git -C {} diff; keep your changes outside of tracked files, then git checkout them", asked.ixp_root),
            );
        }
        if facts.git_locked {
            self.blocker(
                "git-locked",
                format!(
                    "another git is at work in {}, or a killed one left .git/index.lock there",
                    asked.ixp_root
                ),
                "wait until it ends; if none runs, remove that file",
            );
        }
        self.branch(asked, facts);
        self.versions(asked, facts);
        let what = asked
            .target
            .map_or_else(|| format!("the branch {}", asked.branch), |tag| format!("the tag {tag}"));
        if facts.remote_lacks_target {
            self.blocker(
                "upstream",
                format!("upstream does not have {what}"),
                "list its tags and branches with git ls-remote origin, or choose another tag with --to",
            );
        } else if facts.remote_commit.is_none() {
            let remote = facts.remote.as_deref().unwrap_or("origin");
            let why = facts.troubles.get("remote-branch").or_else(|| facts.troubles.get("remote-tag"));
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            self.blocker(
                "upstream",
                format!("upstream ({remote}) does not answer for {what}{why}"),
                format!(
                    "on the host, as {}: git -C {} ls-remote origin",
                    facts.tree_owner.as_deref().unwrap_or("the tree's owner"),
                    asked.ixp_root
                ),
            );
        }
    }

    /// git does not work in the tree.
    fn refused(&mut self, asked: &Asked<'_>, facts: &Facts, why: &str) {
        let owner = facts.tree_owner.as_deref().unwrap_or("the tree's owner");
        let root = asked.ixp_root;
        let remedy = if why.contains("dubious ownership") {
            format!("the folder and its .git must belong to one user: chown {owner} {root}")
        } else {
            format!("on the host, as {owner}: git -C {root} status")
        };
        self.blocker("git-refused", format!("git does not work in {root}: {why}"), remedy);
    }

    fn distrust(&mut self, asked: &Asked<'_>, facts: &Facts, found: &Distrust) {
        if facts.lacks_installation() {
            return self.blocker(
                "installation-missing",
                format!("there is no installation with git in {}", asked.ixp_root),
                "set ixp_root in the inventory to its folder",
            );
        }
        let owner = facts.tree_owner.as_deref().unwrap_or("root");
        self.blocker(
            "tree-open",
            format!("{found}: other users could have git run their programs as {owner}, so ixporch does not run git there"),
            found.remedy(owner).unwrap_or_else(|| "make it a folder that only its owner can write".to_owned()),
        );
    }

    pub(super) fn programs(&mut self, asked: &Asked<'_>, facts: &Facts) {
        let php = facts.php.as_deref();
        let is_late = |tool: &str| facts.late.iter().any(|name| name == tool);
        let late: Vec<&str> = ["php", "composer", "bower"].into_iter().filter(|tool| is_late(tool)).collect();
        if !late.is_empty() {
            self.blocker(
                "answer-late",
                format!(
                    "{} did not answer within 60s: the host is busy, or the program hangs",
                    late.join(", ")
                ),
                "look at the load of the host (uptime, free), then check again",
            );
        }
        if php.is_none() && !is_late("php") {
            self.missing(
                asked,
                facts,
                "php",
                "php does not answer",
                "install it, or set it in the inventory: php = \"…\"",
            );
        }
        match facts.composer.as_deref() {
            None if is_late("composer") => {}
            None => self.missing(
                asked,
                facts,
                "composer",
                "composer does not answer (does it support this PHP?)",
                "install composer 2.2 (the last for PHP 7.0), or set it in the inventory: composer = \"php ./composer.phar\"",
            ),
            Some(composer) => {
                let version = composer.split(' ').nth(2).and_then(release::numbers);
                let old = php.and_then(release::numbers).is_some_and(|php| php < (7, 2));
                if old && version.is_some_and(|version| version >= (2, 3)) {
                    self.blocker(
                        "composer-version",
                        format!("{composer} needs PHP 7.2.5, and PHP is {}", php.unwrap_or_default()),
                        "install composer 2.2 LTS: composer self-update --2.2",
                    );
                }
            }
        }
        if facts.bower.is_none() && !is_late("bower") {
            self.missing(
                asked,
                facts,
                "bower",
                "bower does not answer, and it installs the front end of IXP Manager v4",
                "npm install -g bower; or set it in the inventory: bower = \"…\"",
            );
        }
        let wanted = asked.release.and_then(release::php_for);
        if let (Some(range), Some(php)) = (wanted, php)
            && release::numbers(php).is_some_and(|php| !range.has(php))
        {
            // A branch is pulled as it comes; whoever names a release means that one.
            let severity = if asked.target.is_some() { Severity::Blocker } else { Severity::Warning };
            self.add(
                severity,
                "php-version",
                format!(
                    "{} needs PHP {range}, and the command line has {php}; composer does not check this",
                    asked.release.unwrap_or_default()
                ),
                "install that PHP beside the other, and set it in the inventory: php = \"php7.0\"",
            );
        }
    }

    /// A program that does not answer: it is not installed, does not work, or the web server's user has another search path
    /// than the login.
    fn missing(&mut self, asked: &Asked<'_>, facts: &Facts, tool: &str, what: &str, remedy: &str) {
        let why = facts.troubles.get(tool);
        let is_not_found = why.is_some_and(|why| why.contains("not found") || why.contains("No such file"));
        let remedy = match facts.found_at.get(tool).filter(|_| is_not_found) {
            Some(path) => format!(
                "the login finds {path}, and {} does not (PATH, or secure_path of sudo); in the inventory: {tool} = \"{path}\"",
                asked.web_user
            ),
            None => remedy.to_owned(),
        };
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        self.blocker(&format!("{tool}-missing"), format!("{what}{why}"), remedy);
    }

    /// What the checks after the upgrade would say of the site as it is now, by the same rules.
    pub(super) fn site(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        let controller = facts.site_trouble.as_ref().map(|trouble| format!("from the controller: {trouble}"));
        let host = preflight.site_trouble.as_ref().map(|trouble| format!("from the host: {trouble}"));
        let seen: Vec<String> = host.into_iter().chain(controller).collect();
        if !seen.is_empty() {
            self.blocker(
                "site-unwell",
                format!("the site is not healthy before the upgrade, so it would not be afterwards: {}", seen.join("; ")),
                format!("url must name the site of {}, and the site must answer without a login of a proxy; repair it, or correct url in the inventory", asked.ixp_root),
            );
        }
    }

    pub(super) fn skins(&mut self, preflight: &Preflight) {
        for skin in &preflight.skins {
            let (folder, files) = skin.rsplit_once(' ').unwrap_or((skin, "?"));
            self.note(
                "own-skin",
                format!("a custom skin is used ({files} files in {folder}): it may not fit the new release's templates"),
                "compare it with what the release changed in resources/views, and look at the site afterwards",
            );
        }
    }

    pub(super) fn php(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: &Preflight) {
        let missing: Vec<&str> = release::EXTENSIONS
            .into_iter()
            .filter(|name| !preflight.extensions.iter().any(|known| known == name))
            .collect();
        if !preflight.extensions.is_empty() && !missing.is_empty() {
            self.blocker(
                "php-extensions",
                format!("PHP lacks the extensions {}", missing.join(", ")),
                "install them for this PHP, for instance: apt install php-mbstring php-mysql php-xml",
            );
        }
        let cli = facts.php.as_deref().and_then(release::numbers);
        let others: Vec<&str> = preflight
            .web_php
            .iter()
            .filter(|web| release::numbers(web).is_some_and(|web| Some(web) != cli))
            .map(String::as_str)
            .collect();
        if !others.is_empty() {
            self.warning(
                "web-php",
                format!(
                    "the web server has PHP {}, and the command line {}",
                    others.join(", "),
                    facts.php.as_deref().unwrap_or("?")
                ),
                "use the same PHP for both: set php = \"…\" in the inventory, or change the pool of the web server",
            );
        }
        if !preflight.keeps_code.is_empty() && asked.has_url {
            self.warning(
                "web-opcache",
                format!("the web server's opcache does not detect changed files ({}): the site would keep running the old release, and its health check would fail", few(&preflight.keeps_code)),
                "set opcache.validate_timestamps = 1, or reload PHP in the memcached restart command",
            );
        }
        if preflight.asks_no_site && asked.has_url {
            self.blocker(
                "php-url-fopen",
                "the command line's PHP cannot open URLs (allow_url_fopen), so it cannot check the site",
                "set in the inventory: php = [\"php\", \"-d\", \"allow_url_fopen=1\"]",
            );
        }
        let lacks: Vec<String> = preflight
            .web_lacks
            .iter()
            .filter(|lack| release::EXTENSIONS.iter().any(|name| lack.ends_with(&format!(" {name}"))))
            .cloned()
            .collect();
        if !lacks.is_empty() {
            self.warning(
                "web-php-extensions",
                format!("the web server's PHP lacks extensions of the command line's PHP: {}", few(&lacks)),
                "phpenmod -s fpm (or apache2) NAME, and reload the web server's PHP",
            );
        }
    }
}
