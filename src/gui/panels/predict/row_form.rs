//! A form with one field for each column of a table: the row to predict.

use std::sync::Arc;

use egui::{ComboBox, TextEdit, Ui};

use crate::data::{ColumnKind, Dataset, InputKind};
use crate::gui::form::{label_ui, row};
use crate::gui::theme::{Theme, size};

/// The row that is being filled in.
#[derive(Default)]
pub(super) struct RowForm {
    made_for: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    /// Where it lies in the sample.
    start: usize,
    entry: Entry,
}

enum Entry {
    /// A number as it is typed; empty is missing.
    Number(String),
    /// One of a list; `None` is missing.
    Category { values: Vec<String>, chosen: Option<usize> },
}

impl RowForm {
    /// Makes the fields when the data is new, filled with that sample's values.
    pub(super) fn follow(&mut self, dataset: &Dataset, sample: u32) {
        if self.made_for != dataset.fingerprint {
            self.made_for.clone_from(&dataset.fingerprint);
            self.fields = fields(dataset);
            self.fill(&dataset.sample(sample as usize));
        }
    }

    /// Takes over a sample's values.
    pub(super) fn fill(&mut self, sample: &[f32]) {
        for field in &mut self.fields {
            match &mut field.entry {
                Entry::Number(text) => {
                    let value = sample.get(field.start).copied().filter(|value| !value.is_nan());
                    *text = value.map(|value| value.to_string()).unwrap_or_default();
                }
                Entry::Category { values, chosen } => {
                    *chosen = (0..values.len())
                        .find(|offset| sample.get(field.start + offset).is_some_and(|value| *value > 0.5));
                }
            }
        }
    }

    /// Draws the fields. True if one was changed and left.
    pub(super) fn ui(&mut self, ui: &mut Ui, theme: &Arc<Theme>) -> bool {
        let mut has_changed = false;
        for field in &mut self.fields {
            row(ui, size::EDIT_ROW + 2.0, |ui| {
                match &mut field.entry {
                    Entry::Number(text) => {
                        let is_number = text.trim().is_empty() || text.trim().parse::<f32>().is_ok();
                        let edit = TextEdit::singleline(text)
                            .desired_width(110.0)
                            .font(egui::TextStyle::Monospace)
                            .horizontal_align(egui::Align::RIGHT)
                            .hint_text("missing")
                            .text_color_opt((!is_number).then_some(theme.error));
                        let response = ui.add(edit);
                        response
                            .widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &field.name));
                        has_changed |= response.lost_focus() && is_number;
                        if !is_number {
                            response.on_hover_text("This is not a number.");
                        }
                    }
                    Entry::Category { values, chosen } => {
                        let present = chosen.and_then(|chosen| values.get(chosen)).map_or("missing", String::as_str);
                        ComboBox::from_id_salt(&field.name).selected_text(present).width(118.0).show_ui(ui, |ui| {
                            has_changed |= ui.selectable_value(chosen, None, "missing").clicked();
                            for (position, value) in values.iter().enumerate() {
                                has_changed |= ui.selectable_value(chosen, Some(position), value).clicked();
                            }
                        });
                    }
                }
                label_ui(ui, &field.name, theme.weak);
            });
        }
        has_changed
    }

    /// The row as a sample. What is empty or no number is missing.
    pub(super) fn values(&self) -> Vec<f32> {
        let mut values = Vec::new();
        for field in &self.fields {
            match &field.entry {
                Entry::Number(text) => values.push(text.trim().parse().unwrap_or(f32::NAN)),
                Entry::Category { values: list, chosen } => {
                    values.extend((0..list.len()).map(|position| if *chosen == Some(position) { 1.0 } else { 0.0 }));
                }
            }
        }
        values
    }
}

fn fields(dataset: &Dataset) -> Vec<Field> {
    let InputKind::Table { columns } = &dataset.input else { return Vec::new() };
    let mut fields: Vec<Field> = Vec::new();
    for (start, column) in columns.iter().enumerate() {
        let name = column.column.clone();
        match &column.kind {
            ColumnKind::Number => fields.push(Field { name, start, entry: Entry::Number(String::new()) }),
            ColumnKind::Category(value) => match fields.last_mut() {
                Some(Field { name: last, entry: Entry::Category { values, .. }, .. }) if *last == name => {
                    values.push(value.clone());
                }
                _ => {
                    let entry = Entry::Category { values: vec![value.clone()], chosen: None };
                    fields.push(Field { name, start, entry });
                }
            },
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use crate::base::Dims;
    use crate::data::{Features, InputColumn, Labels, Task};

    use super::*;

    fn penguins() -> Dataset {
        let column = |name: &str, kind: ColumnKind| InputColumn { column: name.to_owned(), kind };
        Dataset {
            name: "penguins".to_owned(),
            task: Task::Classification,
            input: InputKind::Table {
                columns: vec![
                    column("mass", ColumnKind::Number),
                    column("island", ColumnKind::Category("Biscoe".to_owned())),
                    column("island", ColumnKind::Category("Dream".to_owned())),
                    column("sex", ColumnKind::Category("female".to_owned())),
                    column("sex", ColumnKind::Category("male".to_owned())),
                ],
            },
            dims: Dims::from([5]),
            features: Features::Floats(vec![3750.0, 0.0, 1.0, 1.0, 0.0]),
            labels: Labels::Classes(vec![0]),
            classes: vec!["Adelie".to_owned()],
            target: "species".to_owned(),
            origins: vec!["row 2".to_owned()],
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: "p".to_owned(),
        }
    }

    #[test]
    fn a_filled_form_gives_the_same_values_again() {
        let dataset = penguins();
        let mut form = RowForm::default();
        form.follow(&dataset, 0);
        assert_eq!(form.fields.len(), 3);
        assert_eq!(form.values(), dataset.sample(0));
    }

    #[test]
    fn what_is_no_number_is_missing() {
        let mut form = RowForm::default();
        form.follow(&penguins(), 0);
        if let Entry::Number(text) = &mut form.fields[0].entry {
            *text = "heavy".to_owned();
        }
        assert!(form.values()[0].is_nan());
    }
}
