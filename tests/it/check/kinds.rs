//! What `check` says of KINDS: nothing, unless it costs something or has no effect.

use super::{SOUND, check_end, checked, with};

#[test]
fn what_extended_kinds_cost_and_where_they_do_nothing_is_noted() {
    let costs = "DIR/conf: note: KINDS extended looks at every packet that comes to a service below port 1024; \
                 ports in ADVANCED_EXCLUDE_TCP are spared that";
    let nothing = "DIR/conf: note: KINDS extended does nothing: TCP has no stealth sensor";
    for (kinds, mode, expected) in [
        ("extended", "advanced", Some(costs)),
        ("extended", "connect", Some(nothing)),
        ("extended", "off", Some(nothing)),
        ("extended", "stealth", None),
        ("classic", "advanced", None),
        ("classic", "connect", None),
    ] {
        let text = format!("KINDS=\"{kinds}\"\nTCP_MODE=\"{mode}\"\nTCP_PORTS=\"79\"\n");
        let (found, said) = checked(&[("conf", with(&text).as_bytes())]);
        let note = said.lines().find(|line| line.contains("KINDS"));
        assert_eq!(note, expected, "{kinds} {mode}");
        check_end(found, SOUND, &said);
    }
}
