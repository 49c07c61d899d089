//! One table for each set of states: the states, what they mean, and their names.

/// Declares an enum of states with its list and its names.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident: $($(#[$state:meta])* $variant:ident = $text:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$state])* $variant,)*
        }

        impl $name {
            /// Every state.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The state in words.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

pub(crate) use states;
