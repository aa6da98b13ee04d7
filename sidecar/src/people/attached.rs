//! `--media URL --alt TEXT`: each alternative text belongs to the address before it.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::entry::Media;

const MEDIA: &str = "media";
const ALT: &str = "alt";

/// The media of a post on the command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attached(pub(crate) Vec<Media>);

impl Args for Attached {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new(MEDIA)
                    .long(MEDIA)
                    .value_name("URL")
                    .action(ArgAction::Append)
                    .help("The https: address of an image or video to attach; may be given several times"),
            )
            .arg(
                Arg::new(ALT)
                    .long(ALT)
                    .value_name("TEXT")
                    .action(ArgAction::Append)
                    .help("What the image or video before it shows, for those who can't see it"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Attached {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &str| {
            let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
            let places = matches.indices_of(name).into_iter().flatten();
            places.zip(values).collect::<Vec<_>>()
        };
        let (media, alts) = (given(MEDIA), given(ALT));
        let mut attached: Vec<_> =
            media.iter().map(|(_, url)| Media { url: url.clone(), alt: String::new(), kind: None }).collect();
        for (place, alt) in alts {
            let before = media.iter().filter(|(at, _)| *at < place).count();
            let refused = |why: &str| {
                clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("--alt {alt:?} {why}\n"))
            };
            let of = before.checked_sub(1).and_then(|at| attached.get_mut(at));
            let of =
                of.ok_or_else(|| refused("stands before every --media: give it after the one it describes"))?;
            if !of.alt.is_empty() {
                return Err(refused("is a second one for the same --media"));
            }
            of.alt = alt.clone();
        }
        Ok(Self(attached))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Vec<(String, String)>, String> {
        let command = Attached::augment_args(Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let attached = Attached::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        Ok(attached.0.into_iter().map(|media| (media.url, media.alt)).collect())
    }

    #[test]
    fn an_alternative_text_belongs_to_the_address_before_it() {
        let pair = |url: &str, alt: &str| (url.to_owned(), alt.to_owned());
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(
            read(&["--media", "a", "--media", "b", "--alt", "of b"]),
            Ok(vec![pair("a", ""), pair("b", "of b")])
        );
        assert_eq!(
            read(&["--media=a", "--alt=of a", "--media", "b"]),
            Ok(vec![pair("a", "of a"), pair("b", "")])
        );
        assert!(read(&["--alt", "x", "--media", "a"]).unwrap_err().contains("before every --media"));
        assert!(read(&["--media", "a", "--alt", "x", "--alt", "y"]).unwrap_err().contains("second one"));
    }
}
