//! What the init script can be asked for beside starting and stopping.

use super::ENABLED;
use super::router::{Did, on_each_shell};

#[test]
fn commands_reach_the_program_with_their_words_and_its_answer_comes_back() {
    on_each_shell(|router| {
        router.set(ENABLED);
        for (words, expected) in [
            (vec!["status"], "status"),
            (vec!["status", "--json"], "status <--json>"),
            (vec!["list"], "list"),
            (vec!["list", "--json"], "list <--json>"),
            (
                vec!["ban", "192.0.2.7", "--for", "1h"],
                "ban <192.0.2.7> <--for> <1h>",
            ),
            (vec!["ban", "2001:db8::/64"], "ban <2001:db8::/64>"),
            (
                vec!["unban", "a b", "*", "$(x)", ""],
                "unban <a b> <*> <$(x)> <>",
            ),
        ] {
            let _ = std::fs::remove_file(router.path("calls"));
            let output = router.run(&words);
            assert_eq!(router.read("calls"), format!("{expected}\n"));
            let answer = format!("{} answers\n", words[0]);
            assert_eq!(String::from_utf8(output.stdout).unwrap(), answer);
            assert_eq!(output.status.code(), Some(7));
        }
        // None of them is news to procd.
        assert_eq!(router.read("told"), "");
    });
}

#[test]
fn check_says_what_the_program_says_of_the_file() {
    on_each_shell(|router| {
        router.set(ENABLED);
        let output = router.run(&["check"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let said = said.replace(router.root(), "");
        assert!(
            said.ends_with("\n/etc/config/portsentry: sound\n"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            router.read("calls"),
            "check <-c> </etc/config/portsentry>\n"
        );
        router.set(&ENABLED.replace("23", "x"));
        assert_eq!(router.run(&["check"]).status.code(), Some(2));
        assert_eq!(router.read("told"), "");
    });
}

#[test]
fn help_names_what_there_is() {
    on_each_shell(|router| {
        let output = router.run(&["help"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let names = said
            .lines()
            .skip(1)
            .map(|line| line.split('\t').next().unwrap());
        let names: Vec<_> = names.collect();
        assert_eq!(
            names,
            ["check", "list", "ban", "unban", "running", "status"]
        );
    });
}

/// config_load evaluates what uci prints, and calls a function `list` for each line of a list.
#[test]
fn the_command_list_does_not_get_in_the_way_of_lists() {
    on_each_shell(|router| {
        router.set(ENABLED);
        router.network("wan", Some("eth1"));
        assert_eq!(router.procd("start"), Did::Started);
        assert_eq!(
            router.read("calls"),
            "check <-c> </etc/config/portsentry>\n"
        );
        assert_eq!(router.read("run/devices"), "wan eth1\nwan6 -\n");
    });
}
