//! Names that strangers chose, made safe for a page by the Unicode properties of their characters.
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup as Group, QuotationMark},
};

const MAX_CHARACTERS: usize = 100;
/// No language puts more marks on a letter (Unicode Technical Standard #39 §5.4); more of them would cover other text.
const MAX_MARKS: usize = 4;
/// Letters and symbols that look blank, although no Unicode property says so.
const BLANKS: [char; 4] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{1d159}'];

/// One line of at most 100 characters, without invisible characters or changes of direction. `None` if nothing visible
/// remains, or if combining marks would cover other text.
#[must_use]
pub fn display_name(name: &str) -> Option<String> {
    let spaced = name.chars().map(|character| if BLANKS.contains(&character) { ' ' } else { character });
    let visible: String = spaced.filter(|character| character.is_whitespace() || !is_invisible(*character)).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().take(MAX_CHARACTERS).collect();
    Some(shown.trim().to_owned()).filter(|shown| !shown.is_empty() && stays_on_its_line(shown))
}

/// For use between quotation marks: quotation marks in the name are replaced.
#[must_use]
pub fn quotable(name: &str) -> String {
    let quotes = CodePointSetData::new::<QuotationMark>();
    name.chars().map(|character| if quotes.contains(character) { '\'' } else { character }).collect()
}

/// `Default_Ignorable_Code_Point` covers fillers, selectors and tags; the category Other covers controls, formats, and
/// private and unassigned code points.
pub(super) fn is_invisible(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        || Group::Other.contains(category(character))
}

/// Whether each combining mark has a base letter, and no letter has too many.
fn stays_on_its_line(shown: &str) -> bool {
    let is_mark = |character: char| Group::Mark.contains(category(character));
    let piled = |word: &str| {
        let flat = |character: char| category(character) == GeneralCategory::SpacingMark || !is_mark(character);
        word.split(flat).any(|marks| marks.chars().count() > MAX_MARKS)
    };
    shown.split(' ').all(|word| !word.starts_with(is_mark) && !piled(word))
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_all_scripts_stay_as_they_are() {
        for name in [
            "Claude Code (notes)",
            "Café e\u{301}te\u{301}",
            "Việt Nam \u{1ebf}e\u{302}\u{301}",
            "我的代理",
            "عَرَبِيّ",
            "שָׁלוֹם",
            "हिन्दी क्षेत्र",
            "ภาษาไทย ที่นี่",
            "བོད་སྐད་",
            "🙂 App 2.0 ✓",
            ".",
        ] {
            assert_eq!(display_name(name).as_deref(), Some(name));
        }
        assert_eq!(
            display_name(" A \u{202e}b\u{200b}\r\n\u{0}c\u{3164}\u{2800}\u{2800}d ").as_deref(),
            Some("A b c d")
        );
        assert_eq!(quotable("“A” «b» \"c\" d’e"), "'A' 'b' 'c' d'e");
    }

    #[test]
    fn attack_103_a_name_that_shows_nothing_or_paints_over_the_page_is_no_name() {
        for name in [
            "",
            " \t\u{a0}\u{3000}",
            "\u{3164}",
            "\u{ffa0}\u{115f}\u{1160}",
            "\u{2800}\u{2800}",
            "\u{e0100}\u{e0101}",
            "\u{e0041}\u{e007f}",
            "\u{200b}\u{2060}\u{feff}\u{ad}",
            "\u{202e}\u{2066}\u{2069}",
            "\u{34f}\u{17b4}\u{180b}",
            "\u{1d159}\u{13441}",
            "\u{e000}\u{f8ff}",
            "\u{378}",
            "\u{301}\u{302}",
            "\u{489}",
            "\u{301}App",
            "App \u{20dd}x",
        ] {
            assert_eq!(display_name(name), None, "{name:?}");
        }
        for marks in ["\u{30d}", "\u{332}\u{34f}", "\u{489}\u{20dd}", "\u{fe0f}\u{335}\u{e0100}"] {
            let piled = format!("App{} two", marks.repeat(MAX_MARKS + 1));
            assert_eq!(display_name(&piled), None, "{piled:?}");
        }
    }

    /// Characters that can make names invisible, mixed with ordinary ones.
    fn odd() -> impl Strategy<Value = char> {
        prop_oneof![
            any::<char>(),
            proptest::char::range('\u{e0000}', '\u{e0fff}'),
            proptest::char::range('\u{2000}', '\u{206f}'),
            proptest::char::range('\u{300}', '\u{36f}'),
            proptest::char::range('\u{fe00}', '\u{fe0f}'),
            proptest::sample::select(BLANKS.to_vec()),
            proptest::char::range('a', 'c'),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_it_is_made_of_what_is_shown_has_ink_one_line_and_few_marks(name in prop::collection::vec(odd(), 0..150)) {
            let name: String = name.into_iter().collect();
            let Some(shown) = display_name(&name) else { return Ok(()) };
            let category = |character| category(character);
            prop_assert!(shown.chars().count() <= MAX_CHARACTERS);
            prop_assert!(shown.chars().any(|one| !one.is_whitespace() && !Group::Mark.contains(category(one))));
            let mut marks = 0;
            for character in shown.chars() {
                prop_assert!(character == ' ' || !character.is_whitespace());
                prop_assert!(!is_invisible(character) && !BLANKS.contains(&character));
                let stacks = [GeneralCategory::NonspacingMark, GeneralCategory::EnclosingMark].contains(&category(character));
                marks = if stacks { marks + 1 } else { 0 };
                prop_assert!(marks <= MAX_MARKS);
            }
            prop_assert_eq!(display_name(&shown), Some(shown));
        }

        #[test]
        fn what_is_made_of_invisible_characters_alone_is_no_name(name in prop::collection::vec(any::<char>(), 0..50)) {
            let hidden = |one: &char| is_invisible(*one) || one.is_whitespace() || Group::Mark.contains(category(*one));
            let name: String = name.into_iter().filter(hidden).collect();
            prop_assert_eq!(display_name(&name), None);
        }
    }

    #[test]
    fn no_ignorable_character_of_all_there_are_is_a_name_by_itself_or_with_others() {
        let ignorable: String = ('\0'..=char::MAX).filter(|one| is_invisible(*one)).collect();
        for one in ignorable.chars() {
            assert_eq!(display_name(&one.to_string()), None, "{one:?}");
        }
        assert_eq!(display_name(&ignorable), None);
        assert!(ignorable.contains('\u{3164}') && ignorable.contains('\u{e0100}') && ignorable.chars().count() > 4_000);
    }
}
