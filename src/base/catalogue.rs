//! Two macros for lists of alternatives: [`choices!`](crate::choices) for plain ones,
//! [`catalogue!`](crate::catalogue) for alternatives that carry settings of their own.

/// A plain enum that is offered as a list: derives what files need and implements
/// [`Choice`](crate::base::params::Choice). The first variant is the default.
///
/// ```
/// layerbench::choices! {
///     /// How samples are drawn.
///     pub enum Order {
///         /// As in the files.
///         AsGiven = "as_given", "As given", "Keeps the order of the files.";
///         /// Shuffled anew in each epoch.
///         Shuffled = "shuffled", "Shuffled", "Draws the samples in a new order in each epoch.";
///     }
/// }
/// assert_eq!(Order::default(), Order::AsGiven);
/// ```
#[macro_export]
macro_rules! choices {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $id:literal, $label:literal, $help:literal;)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $id)] $variant),+ }

        impl $name {
            /// All values, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            const OPTIONS: &'static [$crate::base::params::ChoiceOption] =
                &[$($crate::base::params::ChoiceOption { id: $id, label: $label, help: $help }),+];

            /// As in files.
            #[must_use]
            pub const fn id(self) -> &'static str {
                Self::OPTIONS[self as usize].id
            }

            /// As shown.
            #[must_use]
            pub const fn label(self) -> &'static str {
                Self::OPTIONS[self as usize].label
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0]
            }
        }

        impl $crate::base::params::Choice for $name {
            fn options(&self) -> &'static [$crate::base::params::ChoiceOption] {
                Self::OPTIONS
            }

            fn selected(&self) -> Option<usize> {
                Some(*self as usize)
            }

            fn select(&mut self, index: usize) {
                if let Some(value) = Self::ALL.get(index) {
                    *self = *value;
                }
            }
        }
    };
}

/// An enum of settings structs, stored as `{"kind": "<id>", …settings}`. Each struct has `Default`, serde with
/// `#[serde(default, deny_unknown_fields)]` and [`Params`](crate::base::params::Params). What this version does not
/// know is kept as `Unknown`, so that a file from elsewhere opens and the entry can be named in a problem.
/// The first entry is the default.
#[macro_export]
macro_rules! catalogue {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($variant:ident($settings:ty) = $id:literal, $label:literal, $help:literal;)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum $name {
            $(#[doc = $help] #[serde(rename = $id)] $variant($settings),)+
            /// An entry that this version does not know, or whose settings it can't read, kept as it was.
            #[serde(untagged)]
            Unknown(serde_json::Map<String, serde_json::Value>),
        }

        impl $name {
            /// Id, label and help of every entry.
            pub const OPTIONS: &'static [$crate::base::params::ChoiceOption] =
                &[$($crate::base::params::ChoiceOption { id: $id, label: $label, help: $help }),+];

            /// The entry of that id with its default settings.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant(<$settings>::default())),)+
                    _ => None,
                }
            }

            /// One of each, with default settings.
            #[must_use]
            pub fn all() -> Vec<Self> {
                vec![$(Self::$variant(<$settings>::default())),+]
            }

            /// As in files; for an unknown entry, what its file says.
            #[must_use]
            pub fn id(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $id,)+
                    Self::Unknown(map) => map.get("kind").and_then(serde_json::Value::as_str).unwrap_or("unknown"),
                }
            }

            /// As shown.
            #[must_use]
            pub fn label(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $label,)+
                    Self::Unknown(_) => self.id(),
                }
            }

            /// One plain sentence that teaches the term.
            #[must_use]
            pub fn help(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $help,)+
                    Self::Unknown(_) => "This version of Layerbench does not know this entry; it is kept as it is.",
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::from_id(Self::OPTIONS[0].id).unwrap_or_else(|| Self::Unknown(serde_json::Map::new()))
            }
        }

        impl $crate::base::params::Params for $name {
            fn visit(&mut self, visitor: &mut dyn $crate::base::params::ParamVisitor) {
                match self {
                    $(Self::$variant(settings) => $crate::base::params::Params::visit(settings, visitor),)+
                    Self::Unknown(_) => {}
                }
            }
        }

        impl $crate::base::params::Choice for $name {
            fn options(&self) -> &'static [$crate::base::params::ChoiceOption] {
                Self::OPTIONS
            }

            fn selected(&self) -> Option<usize> {
                let id = self.id();
                match self {
                    Self::Unknown(_) => None,
                    _ => Self::OPTIONS.iter().position(|option| option.id == id),
                }
            }

            fn select(&mut self, index: usize) {
                if let Some(entry) = Self::OPTIONS.get(index).and_then(|option| Self::from_id(option.id)) {
                    *self = entry;
                }
            }
        }
    };
}
