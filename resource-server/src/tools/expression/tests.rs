//! Tests which expressions have a value, and which are refused.
use super::*;
use proptest::prelude::*;

#[test]
fn expressions_have_the_value_that_mathematics_gives_them() {
    let cases = [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("7 - 2 - 1", 4.0),
        ("8 / 4 / 2", 1.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("- - 3", 3.0),
        ("+3", 3.0),
        ("1.5e3 + .5 + 2.", 1502.5),
        ("sqrt(16) + abs(-3)", 7.0),
        ("max(1, 5, 3) - min(4, 2)", 3.0),
        ("ROUND(2.675, 1)", 2.7),
        ("round(1234.5, -2)", 1200.0),
        ("pow(2, 10)", 1024.0),
        ("log(8, 2)", 3.0),
        ("sin(0) + cos(0)", 1.0),
        ("ln(e) + log10(1000)", 4.0),
        ("factorial(5) + factorial(0)", 121.0),
        ("factorial(20)", 2_432_902_008_176_640_000.0),
        ("gcd(12, 18)", 6.0),
        ("gcd(-12, 18, 9) + gcd(0, 5)", 8.0),
        ("hypot(3, 4) + hypot(2, 3, 6)", 12.0),
        ("degrees(pi)", 180.0),
        ("radians(180) - pi", 0.0),
        ("tau / pi", 2.0),
        ("7 // 2", 3.0),
        ("-7 // 2", -4.0),
        ("7 // 2 * 2 + 7 % 2", 7.0),
        ("-7 % 3", 2.0),
        ("7 % -3", -2.0),
        ("2 ** 3 // 3", 2.0),
    ];
    for (text, expected) in cases {
        let value = value(text).unwrap();
        assert!((value - expected).abs() < 1e-12, "{text}: {value}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    let deep = format!("{}1{}", "(".repeat(90), ")".repeat(90));
    let cases = [
        ("", Fault::Syntax),
        ("1 +", Fault::Syntax),
        ("1 2", Fault::Syntax),
        ("(1", Fault::Syntax),
        ("1)", Fault::Syntax),
        ("()", Fault::Syntax),
        ("max()", Fault::Syntax),
        ("1 ^ 2", Fault::Character),
        ("1;2", Fault::Character),
        ("٣", Fault::Character),
        (".", Fault::Number),
        ("2e", Fault::Number),
        ("1.2.3", Fault::Syntax),
        ("__import__('os')", Fault::Character),
        ("system(1)", Fault::Name),
        ("x", Fault::Name),
        ("sqrt", Fault::Name),
        ("sqrt(1, 2)", Fault::Arguments),
        ("pow(1)", Fault::Arguments),
        ("1 / 0", Fault::ZeroDivision),
        ("0 ** -1", Fault::ZeroDivision),
        ("sqrt(-1)", Fault::Undefined),
        ("9 ** 9 ** 9", Fault::Large),
        ("1e999", Fault::Large),
        ("factorial(171)", Fault::Large),
        ("factorial(1e15)", Fault::Large),
        ("factorial(factorial(99))", Fault::Large),
        ("factorial(-1)", Fault::Whole),
        ("factorial(2.5)", Fault::Whole),
        ("factorial(1, 2)", Fault::Arguments),
        ("gcd(1.5, 2)", Fault::Whole),
        ("gcd(1e300, 2)", Fault::Large),
        ("1 // 0", Fault::ZeroDivision),
        ("1 % 0", Fault::ZeroDivision),
        ("1 /// 2", Fault::Syntax),
        (&deep, Fault::Deep),
    ];
    for (text, fault) in cases {
        assert_eq!(value(text), Err(fault), "{text}");
    }
    assert_eq!(value(&"-".repeat(200)), Err(Fault::Deep));
}

#[test]
fn every_name_in_the_description_is_known() {
    for name in NAMES.split(' ') {
        let call = format!("{name}(1)");
        assert!(constant(name).is_some() || value(&call) != Err(Fault::Name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in "\\PC{0,200}") {
        let _ = value(&text);
    }

    #[test]
    fn no_text_of_its_own_letters_is_too_much(
        text in "[-+*/%(),. 0-9eE]{0,200}|([(-]|max\\(|2\\*\\*|1,|\\)){0,200}",
    ) {
        prop_assert!(value(&text).is_ok_and(f64::is_finite) || value(&text).is_err());
    }

    #[test]
    fn sums_and_products_are_those_of_numbers(a in -1e6..1e6_f64, b in -1e6..1e6_f64, c in 1.0..1e6_f64) {
        prop_assert_eq!(value(&format!("({a} + {b}) * {c}")), Ok((a + b) * c));
        prop_assert_eq!(value(&format!("{a} + {b} / {c}")), Ok(a + b / c));
    }
}
