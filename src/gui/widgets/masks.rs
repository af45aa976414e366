//! Masks over images: a colour for each class, the legend to it, and how much of the image shines through.

use egui::{Color32, ColorImage, CornerRadius, Rect, Sense, TextureHandle, Ui, vec2};

use crate::base::format;
use crate::data::{Dataset, VOID};
use crate::gui::theme::{Theme, size};

use super::samples::{LONGEST_SIDE, SampleTextures, fitted};
use super::weak;

/// Part of a mask's colour that is seen at first; the rest is the image.
pub const OPACITY: f32 = 0.5;

/// The colour of a class; none for background, which stays as it is.
pub fn class_color(theme: &Theme, dataset: &Dataset, class: usize) -> Option<Color32> {
    let is_background = |name: &String| name.eq_ignore_ascii_case("background");
    let has_background = dataset.classes.len() > 1 && dataset.classes.first().is_some_and(is_background);
    match (class, has_background) {
        (0, true) => None,
        (class, true) => Some(theme.run(class as u32)),
        (class, false) => Some(theme.run(class as u32 + 1)),
    }
}

/// A mask as a picture; background is transparent and void weak.
pub fn mask_picture(theme: &Theme, dataset: &Dataset, mask: &[u8]) -> Option<ColorImage> {
    let &[_, height, width] = dataset.dims.0.as_slice() else { return None };
    if mask.is_empty() || mask.len() != height.checked_mul(width)? {
        return None;
    }
    let colors: Vec<Color32> = (0..=VOID)
        .map(|class| match class {
            VOID => theme.faint,
            class => class_color(theme, dataset, usize::from(class)).unwrap_or(Color32::TRANSPARENT),
        })
        .collect();
    let step = height.max(width).div_ceil(LONGEST_SIDE);
    let mut pixels = Vec::new();
    for row in mask.chunks(width).step_by(step) {
        pixels.extend(
            row.iter()
                .step_by(step)
                .map(|&class| colors.get(usize::from(class)).copied().unwrap_or(Color32::TRANSPARENT)),
        );
    }
    Some(ColorImage::new([width.div_ceil(step), height.div_ceil(step)], pixels))
}

/// Paints a mask over an image that was painted into `rect`.
pub fn paint_mask(ui: &Ui, texture: &TextureHandle, rect: Rect, opacity: f32) {
    let rect = fitted(texture, rect);
    let tint = Color32::from_white_alpha((opacity.clamp(0.0, 1.0) * 255.0).round() as u8);
    egui::Image::from_texture((texture.id(), rect.size())).tint(tint).corner_radius(size::TIGHT).paint_at(ui, rect);
}

/// The classes with their colours and the share of a mask that each takes.
pub fn legend_ui(ui: &mut Ui, theme: &Theme, dataset: &Dataset, shares: &[f32]) {
    for (class, name) in dataset.classes.iter().enumerate() {
        let share = shares.get(class).copied();
        // Of many classes only those that are there.
        if dataset.classes.len() > 12 && share.is_none_or(|share| share == 0.0) {
            continue;
        }
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
            let color = class_color(theme, dataset, class);
            ui.painter().rect_filled(rect, CornerRadius::same(3), color.unwrap_or(theme.raised));
            ui.label(name);
            if let Some(share) = share {
                let text = weak(ui, format::share(f64::from(share)));
                ui.label(text);
            }
        });
    }
}

/// How strong masks are painted over images, everywhere.
pub fn opacity_ui(ui: &mut Ui, textures: &mut SampleTextures) {
    ui.horizontal(|ui| {
        let text = weak(ui, "Masks");
        ui.label(text);
        let width = (ui.available_width() - 8.0).max(60.0);
        ui.spacing_mut().slider_width = width;
        let slider = egui::Slider::new(&mut textures.mask_opacity, 0.0..=1.0).show_value(false);
        let response = ui.add(slider).on_hover_text("How much the masks cover the images.");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Slider, true, "Opacity of masks"));
    });
}
