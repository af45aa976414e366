//! The fonts: IBM Plex for text and numbers, Phosphor for icons, egui's own for other scripts, and one CJK font of
//! the system where there is one.

use std::path::Path;
use std::sync::Arc;

use egui::{Context, FontData, FontDefinitions, FontFamily};

/// Family of titles and headline values.
pub const SEMIBOLD: &str = "semibold";
/// Family of numbers that line up; the same as [`FontFamily::Monospace`].
pub const MONO: &str = "mono";

/// Installs the fonts; they are there from the next frame on.
pub fn install(ctx: &Context) {
    ctx.set_fonts(definitions(system_cjk()));
}

/// All families. Text fonts come before Phosphor, which would turn words into ligatures.
fn definitions(cjk: Option<FontData>) -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, data: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data)));
    };
    add("plex", include_bytes!("../../assets/fonts/IBMPlexSans-Regular.ttf"));
    add("plex-semibold", include_bytes!("../../assets/fonts/IBMPlexSans-SemiBold.ttf"));
    add("plex-mono", include_bytes!("../../assets/fonts/IBMPlexMono-Regular.ttf"));
    let mut icons = FontData::from_static(include_bytes!("../../assets/fonts/Phosphor.ttf"));
    // Phosphor's glyphs hang above the text's middle without this.
    icons.tweak.y_offset_factor = 0.05;
    icons.tweak.scale = 1.12;
    fonts.font_data.insert("phosphor".to_owned(), Arc::new(icons));

    let mut fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    if let Some(data) = cjk {
        fonts.font_data.insert("system-cjk".to_owned(), Arc::new(data));
        fallback.push("system-cjk".to_owned());
    }
    let mut family = |family: FontFamily, text: &str| {
        let names = [text, "phosphor"].into_iter().map(str::to_owned).chain(fallback.iter().cloned());
        fonts.families.insert(family, names.collect());
    };
    family(FontFamily::Proportional, "plex");
    family(FontFamily::Name(SEMIBOLD.into()), "plex-semibold");
    family(FontFamily::Monospace, "plex-mono");
    family(FontFamily::Name(MONO.into()), "plex-mono");
    fonts
}

/// The first CJK font found in the places where systems keep them. One only: each stays in memory as a whole.
fn system_cjk() -> Option<FontData> {
    const PLACES: [&str; 8] = [
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
        "/System/Library/Fonts/PingFang.ttc",
        "/System/Library/Fonts/Hiragino Sans GB.ttc",
        "C:\\Windows\\Fonts\\msyh.ttc",
    ];
    PLACES.iter().map(Path::new).find_map(|path| std::fs::read(path).ok()).map(FontData::from_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_starts_with_its_text_font_and_has_icons_before_the_fallbacks() {
        let fonts = definitions(None);
        for (family, first) in [
            (FontFamily::Proportional, "plex"),
            (FontFamily::Monospace, "plex-mono"),
            (FontFamily::Name(SEMIBOLD.into()), "plex-semibold"),
            (FontFamily::Name(MONO.into()), "plex-mono"),
        ] {
            let names = &fonts.families[&family];
            assert_eq!(names[0], first);
            assert_eq!(names[1], "phosphor");
            assert!(names.len() > 3, "egui's own fonts stay as fallbacks");
            assert!(names.iter().all(|name| fonts.font_data.contains_key(name)));
        }
    }
}
