//! What happened and is told once, in the lower right corner: a failed save, a finished run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use egui::{Align2, Area, Context, Frame, Id, Order, RichText, vec2};

use crate::base::{Place, Problem, Severity};
use crate::project::Step;
use crate::session::{Command, Session};

use super::commands::Act;
use super::icons;
use super::panels::Request;
use super::theme::{Theme, size};
use super::widgets::{capitalized, icon_button, secondary_button, severity_icon};

/// Advice goes away by itself after this time; warnings and errors stay until they are dismissed.
const SHOWN_FOR: Duration = Duration::from_secs(8);

/// When each notice was first shown, and what the window itself has to tell.
#[derive(Default)]
pub struct Notices {
    since: BTreeMap<u64, Instant>,
    own: Option<Problem>,
}

impl Notices {
    /// Tells something that the session does not know of.
    pub fn tell(&mut self, message: String) {
        self.own = Some(Problem::error(Place::Project, message, ""));
    }

    /// Draws them, the newest below.
    pub fn ui(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>, requests: &mut Vec<Request>) {
        let notices = session.notices();
        self.since.retain(|id, _| notices.iter().any(|notice| notice.id == *id));
        if notices.is_empty() && self.own.is_none() {
            return;
        }
        let offset = vec2(-size::PAD, -size::STATUS_BAR - size::PAD);
        let area = Area::new(Id::new("notices")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, offset);
        area.show(ctx, |ui| {
            ui.set_max_width(380.0_f32.min(ctx.content_rect().width() - 32.0));
            // A burst must not fill the screen; the rest comes when these are dismissed.
            let first = notices.len().saturating_sub(4);
            for notice in notices.iter().skip(first) {
                let shown_for = self.since.entry(notice.id).or_insert_with(Instant::now).elapsed();
                let is_brief = notice.problem.severity == Severity::Advice;
                if is_brief && shown_for >= SHOWN_FOR {
                    acts.push(Act::Session(Command::Dismiss(notice.id)));
                    continue;
                }
                if is_brief {
                    ctx.request_repaint_after(SHOWN_FOR.saturating_sub(shown_for));
                }
                if notice_ui(ui, &notice.problem, requests) {
                    acts.push(Act::Session(Command::Dismiss(notice.id)));
                }
            }
            if self.own.as_ref().is_some_and(|problem| notice_ui(ui, problem, requests)) {
                self.own = None;
            }
        });
    }
}

/// Draws one; true if it was seen and can go.
fn notice_ui(ui: &mut egui::Ui, problem: &Problem, requests: &mut Vec<Request>) -> bool {
    let theme = Theme::of(ui.ctx());
    let mut is_seen = false;
    let color = theme.severity(problem.severity);
    let stroke = egui::Stroke::new(1.0, theme.tint(theme.line, color, 0.5));
    Frame::window(ui.style()).stroke(stroke).inner_margin(size::PAD).show(ui, |ui| {
        ui.set_width(352.0_f32.min(ui.available_width()));
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(severity_icon(problem.severity)).size(size::ICON).color(color));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = size::TIGHT;
                ui.set_width(ui.available_width() - 34.0);
                ui.add(egui::Label::new(capitalized(&problem.message)).wrap());
                if !problem.hint.is_empty() {
                    let hint = RichText::new(capitalized(&problem.hint)).size(size::ASIDE).color(theme.weak);
                    ui.add(egui::Label::new(hint).wrap());
                }
                if let Some((label, request)) = action(problem)
                    && secondary_button(ui, "", label).clicked()
                {
                    requests.push(request);
                    is_seen = true;
                }
            });
            is_seen |= icon_button(ui, icons::CLOSE, "Dismiss").clicked();
        });
    });
    is_seen
}

/// Where the notice leads.
fn action(problem: &Problem) -> Option<(&'static str, Request)> {
    match &problem.place {
        Place::Node(_) => Some(("Show the layer", Request::GoTo(problem.place.clone()))),
        Place::Run(_) => Some(("Show the run", Request::GoTo(problem.place.clone()))),
        Place::Setting(_) => Some(("Show the setting", Request::GoTo(problem.place.clone()))),
        Place::Data => Some(("Show the data", Request::ShowTab(Step::Data, "problems"))),
        Place::Project | Place::File { .. } => None,
    }
}
