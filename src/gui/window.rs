//! Opens the window: looks for a display, tries the renderers, and gives a clear reason when nothing works.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::{NativeOptions, Renderer};
use egui::ViewportBuilder;

use crate::session::{Command, Session};

use super::App;
use super::app::wake;

/// Why no window could be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no screen to draw on.
    #[error(
        "no display was found: neither WAYLAND_DISPLAY nor DISPLAY is set. Without a window \
         `cargo run --release -- train projects/digits` (or `layerbench train PROJECT`) does the same job"
    )]
    NoDisplay,
    /// No renderer works here.
    #[error(
        "no window could be opened ({wgpu}; {glow}). Check the graphics driver; without a window \
         `layerbench train PROJECT` does the same job"
    )]
    NoRenderer {
        /// What wgpu said.
        wgpu: String,
        /// What OpenGL said.
        glow: String,
    },
}

/// Opens the window with the project at `path`, or with the one that was open last, or with the digits example. Returns when it is
/// closed.
///
/// The environment variable `LAYERBENCH_RENDERER` (`wgpu` or `glow`) chooses the renderer; `LAYERBENCH_START_TIME` makes
/// it print the time to the first frame.
///
/// # Errors
/// If there is no display or no renderer works.
pub fn run(path: Option<PathBuf>) -> Result<(), StartError> {
    let start = Instant::now();
    if !has_display() {
        return Err(StartError::NoDisplay);
    }
    let attempt = |renderer| open(renderer, path.clone(), start);
    match std::env::var("LAYERBENCH_RENDERER").as_deref() {
        Ok("glow") => return attempt(Renderer::Glow).map_err(|glow| failed("wgpu was not tried", &glow)),
        Ok("wgpu") => return attempt(Renderer::Wgpu).map_err(|wgpu| failed(&wgpu, "OpenGL was not tried")),
        _ => {}
    }
    let Err(wgpu) = attempt(Renderer::Wgpu) else { return Ok(()) };
    attempt(Renderer::Glow).map_err(|glow| failed(&wgpu, &glow))
}

fn failed(wgpu: &str, glow: &str) -> StartError {
    StartError::NoRenderer { wgpu: wgpu.to_owned(), glow: glow.to_owned() }
}

fn open(renderer: Renderer, path: Option<PathBuf>, start: Instant) -> Result<(), String> {
    let viewport = ViewportBuilder::default()
        .with_title("Layerbench")
        .with_app_id("layerbench")
        .with_icon(icon())
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0])
        // Larger windows make wgpu panic (egui#8361).
        .with_max_inner_size([8192.0, 8192.0])
        .with_drag_and_drop(true);
    // Dithering smooths gradients, of which there are none here.
    let options =
        NativeOptions { viewport, renderer, persist_window: false, dithering: false, ..NativeOptions::default() };
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        let mut session = Session::new(wake(&creation.egui_ctx, wake_interval(creation)));
        if let Some(command) = first_command(path, &session) {
            session.run(command);
        }
        let mut app = App::new(&creation.egui_ctx, session);
        if std::env::var_os("LAYERBENCH_START_TIME").is_some() {
            app.on_first_frame(move || tell_start_time(start));
        }
        Ok(Box::new(app))
    });
    eframe::run_native("Layerbench", options, create).map_err(|error| error.to_string())
}

/// How often a run may have the window drawn anew. Where the processor draws (a virtual machine, a remote desktop) a frame takes it from
/// the run: measured on four cores, ten frames a second cost a run a third of its speed.
fn wake_interval(creation: &eframe::CreationContext<'_>) -> Duration {
    let is_software = creation
        .wgpu_render_state
        .as_ref()
        .is_some_and(|state| state.adapter.get_info().device_type == eframe::wgpu::DeviceType::Cpu);
    Duration::from_millis(if is_software { 1500 } else { 200 })
}

/// What is opened first: what was asked for, else the last project if it is still there, else the example. If something can be recovered,
/// the start page offers it.
fn first_command(path: Option<PathBuf>, session: &Session) -> Option<Command> {
    if let Some(path) = path {
        return Some(Command::Open(path));
    }
    if !session.recoverable().is_empty() {
        return None;
    }
    let last = session.recent().iter().find(|path| path.exists());
    Some(last.map_or(Command::OpenExample, |path| Command::Open(path.clone())))
}

#[expect(clippy::print_stderr, reason = "asked for by an environment variable, for measuring")]
fn tell_start_time(start: Instant) {
    eprintln!("first frame after {} ms", start.elapsed().as_millis());
}

/// Whether there is a screen. Checked here because the window library panics without one on some systems.
fn has_display() -> bool {
    if !cfg!(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")) {
        return true;
    }
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The window's icon: three layers in the accent, drawn here so that no picture file must be kept in step with the theme.
fn icon() -> egui::IconData {
    const SIDE: usize = 64;
    let theme = super::theme::Theme::dark();
    let mut rgba = Vec::with_capacity(SIDE * SIDE * 4);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let color = icon_color(column as f32 / SIDE as f32, row as f32 / SIDE as f32, &theme);
            rgba.extend(color.to_srgba_unmultiplied());
        }
    }
    egui::IconData { rgba, width: SIDE as u32, height: SIDE as u32 }
}

fn icon_color(x: f32, y: f32, theme: &super::theme::Theme) -> egui::Color32 {
    let inside = |middle: f32| (x - 0.5).abs() / 0.44 + (y - middle).abs() / 0.22 <= 1.0;
    if inside(0.30) {
        theme.accent
    } else if inside(0.50) {
        theme.tint(theme.panel, theme.accent, 0.7)
    } else if inside(0.70) {
        theme.tint(theme.panel, theme.accent, 0.45)
    } else {
        egui::Color32::TRANSPARENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_what_is_missing_and_what_works_without() {
        let text = StartError::NoDisplay.to_string();
        assert!(
            text.contains("WAYLAND_DISPLAY") && text.contains("cargo run --release -- train projects/digits"),
            "{text}"
        );
        let text = failed("no adapter", "no config").to_string();
        assert!(text.contains("no adapter") && text.contains("no config"), "{text}");
    }

    #[test]
    fn the_icon_has_layers_and_transparent_corners() {
        let icon = icon();
        assert_eq!(icon.rgba.len(), 64 * 64 * 4);
        assert_eq!(icon.rgba[3], 0);
        let middle = (32 * 64 + 32) * 4;
        assert_eq!(icon.rgba[middle + 3], 255);
    }
}
