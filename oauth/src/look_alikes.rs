//! Marks parts of a stranger's name that imitate something else: symbols like our own, letters of other alphabets.
use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, Script},
};
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection, skeleton};

/// A part of a name, and whether it may be deceptive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePart {
    pub text: String,
    pub is_marked: bool,
}

/// Splits a name into parts, none of them empty.
#[must_use]
pub fn parts(name: &str) -> Vec<NamePart> {
    let mut parts: Vec<NamePart> = vec![];
    for (at, word) in name.split(' ').enumerate() {
        if at > 0 {
            push(&mut parts, ' ', false);
        }
        let deceives = deceivers(word);
        word.chars().for_each(|character| push(&mut parts, character, is_sign(character) || deceives(character)));
    }
    parts
}

fn push(parts: &mut Vec<NamePart>, character: char, is_marked: bool) {
    match parts.last_mut() {
        Some(last) if last.is_marked == is_marked => last.text.push(character),
        _ => parts.push(NamePart { text: character.into(), is_marked }),
    }
}

/// A sentence that explains the marks; `None` if there are none.
#[must_use]
pub fn warning(name: &str) -> Option<&'static str> {
    let marked: String = parts(name).into_iter().filter(|part| part.is_marked).map(|part| part.text).collect();
    match (marked.chars().any(is_sign), marked.chars().any(|one| !is_sign(one))) {
        (false, false) => None,
        (true, false) => Some("The signs marked in its name are its own. They are no check of ours."),
        (false, true) => Some("The letters marked in its name are of another alphabet and look like others."),
        (true, true) => Some("The signs and letters marked in its name are its own and look like others."),
    }
}

/// Pictures and symbols such as check marks, locks and badges. Characters of ordinary keyboards are not deceptive.
fn is_sign(character: char) -> bool {
    use GeneralCategory as Category;
    let kinds = [Category::OtherSymbol, Category::MathSymbol, Category::ModifierSymbol];
    !character.is_ascii() && kinds.contains(&CodePointMapData::<Category>::new().get(character))
}

/// Selects the deceptive letters of a word (Unicode Technical Standard #39 §4 and §5): all letters if the word could be
/// read as an ASCII word; in a mix of alphabets, those of the less frequent ones; and letters made for formulas.
fn deceivers(word: &str) -> impl Fn(char) -> bool {
    let letters: String = word.chars().filter(|character| character.is_alphabetic()).collect();
    let plain: String = letters.chars().filter(|letter| letter.identifier_allowed()).collect();
    let is_mixed = plain.detect_restriction_level() > RestrictionLevel::ModeratelyRestrictive;
    let reads_as_ascii = !letters.is_empty() && letters.chars().all(|letter| !is_latin(letter) && looks_ascii(letter));
    let usual = usual_script(&plain);
    move |letter| {
        let is_odd = if letter.identifier_allowed() {
            is_mixed && script(letter) != usual
        } else {
            !letter.is_ascii() && looks_ascii(letter)
        };
        letter.is_alphabetic() && (reads_as_ascii || is_odd)
    }
}

/// The script of most letters; Latin if two are equally frequent.
fn usual_script(letters: &str) -> Script {
    let count = |wanted: Script| letters.chars().filter(|letter| script(*letter) == wanted).count();
    let most = letters.chars().map(script).max_by_key(|one| (count(*one), *one == Script::Latin));
    most.unwrap_or(Script::Latin)
}

fn script(character: char) -> Script {
    CodePointMapData::<Script>::new().get(character)
}

fn is_latin(character: char) -> bool {
    script(character) == Script::Latin
}

fn looks_ascii(character: char) -> bool {
    skeleton(character.encode_utf8(&mut [0; 4])).all(|one| one.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(name: &str) -> String {
        parts(name).into_iter().filter(|part| part.is_marked).map(|part| part.text).collect()
    }

    #[test]
    fn names_as_people_write_them_have_no_marks() {
        for name in [
            "Claude Code (notes)",
            "Café Việt Nam",
            "我的 Agent",
            "GPT助手",
            "東京タワー ﾃｽﾄ",
            "한국 App",
            "Яндекс Browser",
            "Правда",
            "Ελλάδα",
            "عَرَبِيّ",
            "हिन्दी क्षेत्र",
            "Işık",
            "Straße",
            "C++ <notes> | ^2 = 4",
            "'quoted'",
            "",
        ] {
            assert_eq!((marked(name), warning(name)), (String::new(), None), "{name}");
            assert_eq!(parts(name).into_iter().map(|part| part.text).collect::<String>(), name);
        }
    }

    #[test]
    fn letters_that_look_like_others_are_marked_in_mixed_words_and_in_words_that_read_as_ascii() {
        for (name, odd) in [
            ("Cl\u{430}ude", "\u{430}"),
            ("\u{421}laude Code", "\u{421}"),
            ("G\u{3bf}\u{3bf}gle", "\u{3bf}\u{3bf}"),
            ("Claude-C\u{43e}de", "\u{43e}"),
            ("\u{42f}nd\u{435}ks", "\u{42f}\u{435}"),
            ("\u{42f}\u{43d}\u{434}e\u{43a}\u{441}", "e"),
            ("\u{440}\u{430}\u{443}\u{440}\u{430}\u{4cf}", "\u{440}\u{430}\u{443}\u{440}\u{430}\u{4cf}"),
            ("\u{1d402}laude", "\u{1d402}"),
            ("\u{ff23}laude", "\u{ff23}"),
        ] {
            assert_eq!(marked(name), odd, "{name}");
            assert_eq!(
                warning(name),
                Some("The letters marked in its name are of another alphabet and look like others.")
            );
        }
    }

    #[test]
    fn signs_that_look_like_checks_of_ours_are_marked() {
        for sign in ["✓", "✔", "☑", "✅", "🗸", "🔒", "🛡", "√", "®"] {
            let name = format!("App {sign} verified");
            assert_eq!(marked(&name), sign);
            assert_eq!(warning(&name), Some("The signs marked in its name are its own. They are no check of ours."));
        }
        assert!(warning("Cl\u{430}ude ✓").is_some_and(|both| both.contains("signs and letters")));
    }
}
