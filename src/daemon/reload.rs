//! SIGHUP: the configuration and the lists of who is protected are read again. At a start a mistake in a line does
//! not keep the router unprotected; at a reload there is a good configuration to keep, so any mistake keeps it.

use crate::config::{Config, Modes, ProblemLine, Severity};
use crate::daemon::start::Disabled;
use crate::daemon::{Changed, Daemon, State, announce, records, start};
use crate::see::probe::Protocol;
use crate::sys::files;

/// Whether the file says that something is to be watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Enabled {
    Yes,
    No,
}

impl Daemon {
    /// False: nothing is to be watched any more.
    pub(super) fn reload(&mut self) -> bool {
        let path = files::in_force(&self.settings.config).to_owned();
        match self.try_reload(self.settings.modes, Severity::Mistake) {
            Ok(Enabled::Yes) => self.say(format!("adminalert: {path} is read again and in force")),
            Ok(Enabled::No) => {
                self.state.log.say(Disabled(&path));
                return false;
            }
            Err(reason) => {
                self.say(format!("adminalert: ERROR: {reason}"));
                self.say(format!(
                    "adminalert: ERROR: {path} is not used; the old one stays in force"
                ));
            }
        }
        let changed = Changed {
            surroundings: false,
            lists: self.watch.read_lists(&mut self.state),
        };
        self.follow(changed);
        true
    }

    /// A second start: a reload with more modes, for the protocols that are `added`. What would not keep a start
    /// from starting, as a mistake in a line, does not keep this one: or only the first of two would work.
    pub(super) fn join(&mut self, modes: Modes, added: &[Protocol]) -> Result<(), String> {
        // One that is open already is not announced when it sees more.
        let sniffing = self.intake.is_sniffing();
        if self.try_reload(modes, Severity::Error)? == Enabled::No {
            return Err(format!("{} is not enabled", self.settings.config));
        }
        self.settings.modes = modes;
        for protocol in added {
            records::begin(&self.state.config, *protocol, &mut self.state.log);
            if sniffing {
                announce::packet_sensor(*protocol, &mut self.state);
            }
            self.say(format!("adminalert: {protocol} is watched as well now"));
        }
        // Said again, as the second process of 1.2 said it.
        self.announced = false;
        Ok(())
    }

    /// Reads the file and puts it in force, unless it holds what is as bad as `refused`, or is not enabled.
    fn try_reload(&mut self, modes: Modes, refused: Severity) -> Result<Enabled, String> {
        let path = files::in_force(&self.settings.config);
        let (mut config, problems) = start::read_config(path, modes).inspect_err(|_| {
            self.state.log.say(format_args!(
                "adminalert: ERROR: Cannot open config file: {path}.\n"
            ));
        })?;
        for problem in &problems {
            self.state.log.say(ProblemLine(path, problem));
        }
        if problems.iter().any(|problem| problem.severity >= refused) {
            return Err(format!("{path} has mistakes"));
        }
        if !config.enabled {
            return Ok(Enabled::No);
        }
        let run_dir = &self.settings.run_dir;
        self.networks
            .resolve(&mut config, run_dir, &mut self.state.log);
        self.adopt(config).map(|()| Enabled::Yes)
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
        self.enforcer.ground.adopt(&self.state.config);
        self.state.changed = true;
        self.journal
            .adopt(&self.settings.run_dir, &self.state.config);
        // Somebody may have emptied the firewall meanwhile; whoever reloads wants it as it should be.
        if self.enforcer.reconciler.is_loaded() {
            self.enforcer.reconciler.distrust();
        }
        self.state.detector.adopt(policy);
        let State { config, log, .. } = &mut self.state;
        self.privileges.follow(&config.actions, log);
        self.watch.read_again(&mut self.state);
        self.aim();
        self.free_protected();
        Ok(())
    }

    fn say(&mut self, line: String) {
        self.state.log.say(line);
    }
}
