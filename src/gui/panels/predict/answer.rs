//! What the network says: the most probable class large, all of them as bars; or the predicted value.

use egui::{RichText, ScrollArea, Ui};

use crate::base::format;
use crate::data::{Dataset, Labels, importers, mask_png};
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::masks::{legend_ui, opacity_ui, paint_mask};
use crate::gui::widgets::samples::paint_texture;
use crate::gui::widgets::{bar_row, card_filled, headline, icon_toggle, secondary_button, semibold, weak};
use crate::session::{Input, Prediction};

/// Bars that are drawn at most; the rest is far less probable.
const MOST_BARS: usize = 100;

pub(super) fn answer_ui(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    dataset: &Dataset,
    prediction: Option<&Prediction>,
    by_probability: &mut bool,
) {
    card_filled(ui, |ui| {
        let milliseconds = prediction.map(|prediction| format::milliseconds(prediction.inference_ms));
        let unit = if milliseconds.is_some() { "ms" } else { "" };
        headline(ui, "Answer", milliseconds.as_deref().unwrap_or(""), unit);
        let Some(prediction) = prediction else {
            let text = weak(ui, "The answer appears here as soon as there is an input.");
            ui.add(egui::Label::new(text).wrap());
            return;
        };
        if let Some(mask) = &prediction.mask {
            mask_ui(ui, cx, dataset, prediction, mask);
        } else if let Some(value) = prediction.value {
            value_ui(ui, cx, dataset, prediction, f64::from(value));
        } else {
            classes_ui(ui, cx, dataset, prediction, by_probability);
        }
    });
}

/// The mask over the image, its legend, and a way to keep it.
fn mask_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, dataset: &Dataset, prediction: &Prediction, mask: &[u8]) {
    let below = 74.0 + 24.0 * dataset.classes.len().min(4) as f32;
    let side = ui.available_width().min(ui.available_height() - below).max(80.0);
    ui.vertical_centered(|ui| {
        let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(side), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "The mask over the image"));
        let (image, over) = cx.samples.answer(ui.ctx(), dataset, prediction);
        if let Some(image) = image {
            paint_texture(ui, &image, rect);
        }
        if let Some(over) = over {
            paint_mask(ui, &over, rect, cx.samples.mask_opacity);
        }
    });
    ui.horizontal(|ui| {
        if secondary_button(ui, icons::EXPORT, "Save the mask as PNG…").clicked()
            && let &[_, height, width] = dataset.dims.0.as_slice()
        {
            let size = match &prediction.input {
                Input::File(path) => importers::image_size(path),
                _ => None,
            };
            let size = size.unwrap_or((width as u32, height as u32));
            // The mask has the data set's size, so it can be written.
            if let Ok(content) = mask_png::encode(mask, (width, height), size) {
                cx.ask(Request::SaveFile { name: "mask.png".to_owned(), content });
            }
        }
        opacity_ui(ui, cx.samples);
    });
    let theme = std::sync::Arc::clone(&cx.theme);
    ScrollArea::vertical().id_salt("legend").auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        legend_ui(ui, &theme, dataset, &prediction.probabilities);
    });
}

fn value_ui(ui: &mut Ui, cx: &PanelContext<'_>, dataset: &Dataset, prediction: &Prediction, value: f64) {
    ui.label(semibold(format::number(value), 40.0)).on_hover_text(value.to_string());
    let target = weak(ui, &dataset.target);
    ui.label(target);
    if let (Input::Sample(sample), Labels::Values(values)) = (&prediction.input, &dataset.labels)
        && let Some(truth) = values.get(*sample as usize)
    {
        let error = (value - f64::from(*truth)).abs();
        let text = format!("The true value is {}, off by {}", format::number(f64::from(*truth)), format::number(error));
        ui.label(RichText::new(text).color(cx.theme.weak));
    }
}

fn classes_ui(
    ui: &mut Ui,
    cx: &PanelContext<'_>,
    dataset: &Dataset,
    prediction: &Prediction,
    by_probability: &mut bool,
) {
    let mut order: Vec<(usize, f32)> = prediction.probabilities.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some(&(best, probability)) = order.first() else { return };
    let name = |class: usize| dataset.classes.get(class).map_or_else(|| class.to_string(), Clone::clone);
    ui.horizontal(|ui| {
        ui.label(semibold(name(best), 40.0));
        ui.vertical(|ui| {
            ui.add_space(8.0);
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.label(semibold(percent(probability), size::HEADLINE));
            truth_ui(ui, cx, dataset, prediction, best);
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            if icon_toggle(ui, icons::SORT, "Most probable first", *by_probability).clicked() {
                *by_probability = !*by_probability;
            }
        });
    });
    if !*by_probability {
        order.sort_by_key(|(class, _)| *class);
    }
    let longest = order.iter().take(MOST_BARS).map(|(class, _)| name(*class).chars().count()).max().unwrap_or(1);
    let label_width = (longest as f32 * 8.0 + 12.0).clamp(24.0, 150.0);
    ui.spacing_mut().item_spacing.y = 2.0;
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        // Room for the scroll bar.
        ui.set_max_width(ui.available_width() - 10.0);
        for (class, probability) in order.into_iter().take(MOST_BARS) {
            let color =
                if class == best { cx.theme.accent } else { cx.theme.tint(cx.theme.raised, cx.theme.accent, 0.5) };
            let row = bar_row(ui, &name(class), probability, &percent(probability), color, label_width);
            row.on_hover_text(format!("{}: {probability}", name(class)));
        }
    });
}

/// Whether it is right, where the truth is known.
fn truth_ui(ui: &mut Ui, cx: &PanelContext<'_>, dataset: &Dataset, prediction: &Prediction, best: usize) {
    let Input::Sample(sample) = prediction.input else { return };
    let Some(truth) = dataset.class_of(sample as usize) else { return };
    let text = if truth as usize == best {
        RichText::new(format!("{} right", icons::OK)).color(cx.theme.ok)
    } else {
        let name = dataset.classes.get(truth as usize).map_or("?", String::as_str);
        RichText::new(format!("{} it is {name}", icons::ERROR)).color(cx.theme.error)
    };
    ui.label(text.size(size::ASIDE));
}

/// A probability as people read it; never 100 % unless it is.
pub(super) fn percent(probability: f32) -> String {
    let percent = f64::from(probability) * 100.0;
    if percent > 99.95 && probability < 1.0 {
        "> 99.9 %".to_owned()
    } else if percent >= 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn nearly_sure_is_not_shown_as_sure() {
        assert_eq!(percent(0.999_99), "> 99.9 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.5), "50.0 %");
        assert_eq!(percent(0.0123), "1.23 %");
    }
}
