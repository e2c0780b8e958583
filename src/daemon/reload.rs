//! SIGHUP: the configuration and the ignore file are read again. At a start a mistake in a line does not keep
//! the router unprotected; at a reload there is a good configuration to keep, so any mistake keeps it.

use crate::config::{Config, ProblemLine, Severity};
use crate::daemon::{Changed, Daemon, start};

impl Daemon {
    pub(super) fn reload(&mut self) {
        let path = self.settings.config.clone();
        match self.try_reload() {
            Ok(()) => self.say(format!("adminalert: {path} is read again and in force")),
            Err(reason) => {
                self.say(format!("adminalert: ERROR: {reason}"));
                self.say(format!(
                    "adminalert: ERROR: {path} is not used; the old one stays in force"
                ));
            }
        }
        let changed = Changed {
            surroundings: false,
            ignored: self.watch.read_ignored(&mut self.state),
        };
        self.follow(changed);
    }

    fn try_reload(&mut self) -> Result<(), String> {
        let read = start::read_config(&self.settings);
        let (config, problems) = read.inspect_err(|_| {
            let path = &self.settings.config;
            self.state.log.say(format_args!(
                "adminalert: ERROR: Cannot open config file: {path}.\n"
            ));
        })?;
        for problem in &problems {
            let line = ProblemLine(&self.settings.config, problem);
            self.state.log.say(line);
        }
        if problems
            .iter()
            .any(|problem| problem.severity >= Severity::Mistake)
        {
            return Err(format!("{} has mistakes", self.settings.config));
        }
        let locks = start::lock(&self.settings.run_dir, &config, &self.locks)?;
        self.adopt(config)?;
        self.locks.extend(locks);
        Ok(())
    }

    /// Puts a configuration in force. Who is banned stays so, unless nothing is blocked any more.
    fn adopt(&mut self, config: Config) -> Result<(), String> {
        let old = std::mem::replace(&mut self.state.config, config);
        if let Err(error) = self.intake.reopen(&mut self.state) {
            self.state.config = old;
            // The old sensors were there a moment ago.
            let again = self.intake.reopen(&mut self.state);
            return Err(again.err().unwrap_or(error).to_string());
        }
        let policy = self.state.config.policy();
        self.enforcer.reconciler.up = policy.needs_firewall();
        // Somebody may have emptied the firewall meanwhile; whoever reloads wants it as it should be.
        if self.enforcer.reconciler.is_loaded() {
            self.enforcer.reconciler.distrust();
        }
        self.state.detector.adopt(policy);
        self.watch.read_again(&mut self.state);
        let aimed = self.intake.aim(&self.state);
        aimed.map_err(|error| error.to_string())
    }

    fn say(&mut self, line: String) {
        self.state.log.say(line);
    }
}
