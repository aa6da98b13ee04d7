//! The errors of the Graph API, and what it says of them.

/// The errors: the subcode, or the code where there is none, with its code and what people are told; `{}` is what the
/// error is about.
pub(super) const ERRORS: &[(i64, i64, &str, &str)] = &[
    (1, 1, "", ""),
    (2, 2, "", ""),
    (4, 4, "", ""),
    (10, 10, "", ""),
    (17, 17, "", ""),
    (33, 100, "", ""),
    (104, 104, "", ""),
    (190, 190, "", ""),
    (200, 200, "", ""),
    (368, 368, "", ""),
    (458, 190, "", ""),
    (460, 190, "", ""),
    (463, 190, "", ""),
    (506, 506, "", ""),
    (613, 613, "", ""),
    (80002, 80002, "", ""),
    (1366046, 100, "Photo too large", "Photos should be smaller than 4 MB and saved as JPG, PNG."),
    (2069019, 324, "Missing image", "Missing or invalid image file: {}"),
    (2207001, -1, "Server error", "Instagram server error. Try again."),
    (2207003, -2, "Timeout", "It takes too long to download the media."),
    (
        2207004,
        36000,
        "Image size too large",
        "The image is too large to download. It should be less than 8 MiB.",
    ),
    (
        2207005,
        36001,
        "Unsupported format",
        "The image format {} is not supported. Supported formats are: JPEG.",
    ),
    (2207006, 24, "Media not found", "The media with {} cannot be found"),
    (
        2207008,
        24,
        "Media builder not found",
        "The media builder with creation id = {} does not exist or has been expired.",
    ),
    (
        2207009,
        36003,
        "Unsupported aspect ratio",
        "The submitted image with aspect ratio {} cannot be published. Please submit an image with a valid aspect ratio.",
    ),
    (
        2207010,
        36004,
        "Caption too long",
        "The submitted image's caption was {} long. The maximum is 2200 characters, 30 hashtags and 20 @ tags. Please \
         submit media with a shorter caption.",
    ),
    (
        2207020,
        -2,
        "Media expired",
        "The media you are trying to access has expired. Please try to upload again.",
    ),
    (2207023, 100, "Unknown media type", "The media type {} is unknown."),
    (
        2207026,
        352,
        "Unsupported video format",
        "The video format is not supported. Please check spec for supported {} format",
    ),
    (2207027, 9007, "Media not ready", "The media is not ready for publishing, please wait for a moment"),
    (
        2207028,
        100,
        "Carousel",
        "Your post won't work as a carousel. Carousels need at least 2 photos/videos and no more than 10 photos/videos.",
    ),
    (2207032, -1, "Create media fail", "Create media fail, please try to re-create media"),
    (
        2207042,
        9,
        "Daily limit reached",
        "You reached maximum number of posts that is allowed to be published by Content Publishing API.",
    ),
    (2207050, 25, "Account restricted", "The Instagram account is restricted."),
    (
        2207051,
        4,
        "Action is blocked",
        "We restrict certain activity to protect our community. Tell us if you think we made a mistake.",
    ),
    (2207052, 9004, "Media download has failed", "The media could not be fetched from this uri: {}"),
    (2207053, -1, "Upload error", "unknown upload error"),
    (
        2207057,
        1,
        "Thumbnail offset",
        "Thumbnail offset must be greater than or equal to 0 and less than video duration, i.e. {}",
    ),
    (
        2207067,
        100,
        "Media type VIDEO is not supported",
        "The VIDEO value for media_type is no longer supported. Use the REELS media_type to publish a video.",
    ),
    (4279009, 24, "Media Not Found", "The media with id {} cannot be found."),
];

/// What developers are told: it depends on the code alone, so that a spam block sounds like a limit.
pub(super) fn message(number: i64, code: i64) -> &'static str {
    match (number, code) {
        (33, _) => {
            "Unsupported request. Object with ID '{}' does not exist, cannot be loaded due to missing permissions, or \
             does not support this operation."
        }
        (458, _) => "Error validating access token: The user has not authorized application 1.",
        (460, _) => {
            "Error validating access token: The session has been invalidated because the user changed their password \
             or Facebook has changed the session for security reasons."
        }
        (463, _) => "Error validating access token: Session has expired.",
        (_, -2) => "Timeout",
        (_, -1) => "Fatal",
        (_, 2) => "An unexpected error has occurred. Please retry your request later.",
        (_, 4) => "Application request limit reached",
        (_, 9 | 17) => "User request limit reached",
        (_, 10) => "(#10) Application does not have permission for this action",
        (_, 24) => "The requested resource does not exist",
        (_, 25) => "Application is not allowed to act for this user",
        (_, 100) => "Invalid parameter",
        (_, 104) => "An access token is required to request this resource.",
        (_, 190) => "Invalid OAuth access token - Cannot parse access token",
        (_, 200) => "(#200) Permissions error",
        (_, 352) => "The video file you selected is in a format that we don't support.",
        (_, 324) => "Missing or invalid image file",
        (_, 368) => "The action attempted has been deemed abusive or is otherwise disallowed",
        (_, 506) => "(#506) Duplicate status message",
        (_, 613) => "Calls to this api have exceeded the rate limit.",
        (_, 9004) => "Only photo or video can be accepted as media type.",
        (_, 9007) => "Media ID is not available",
        (_, 36000) => "The image size is too large.",
        (_, 36001) => "The image format is not supported.",
        (_, 36003) => "The aspect ratio is not supported.",
        (_, 36004) => "The caption was too long.",
        (_, 80002) => "There have been too many calls to this Instagram account. Wait a bit and try again.",
        _ => "An unknown error occurred",
    }
}
