//! The load program, as `scripts/bench` calls it. What it measures is not a matter of tests.
use std::process::Command;

fn keyward_bench(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keyward-bench")).args(arguments).output().expect("it runs");
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).expect("it speaks UTF-8"))
}

#[test]
fn each_scenario_has_a_name_of_its_own() {
    let (good, list) = keyward_bench(&["list"]);
    let mut names: Vec<_> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(good && all > 0 && names.len() == all, "{list}");
}

#[test]
fn a_scenario_that_is_not_there_is_named() {
    let (good, said) = keyward_bench(&["run", "server.json", "--only", "nothing"]);
    assert!(!good && said.contains("no scenario begins with \"nothing\""), "{said}");
}
