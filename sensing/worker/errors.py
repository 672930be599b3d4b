"""Why a camera gives no picture, as a code for programs and in words for the operator."""

from __future__ import annotations


class StreamUnavailable(Exception):
    """A source could not be opened or stopped giving frames.

    ``code`` is a key of ``ADVICE``; ``detail`` is one line without credentials; ``permanent``
    says that trying again soon will not help (a wrong password stays wrong).
    """

    def __init__(self, code: str, detail: str = "", permanent: bool = False) -> None:
        self.code = code
        self.detail = detail
        self.permanent = permanent
        super().__init__(f"{code}: {detail}" if detail else code)

    def __reduce__(self) -> tuple[type[StreamUnavailable], tuple[str, str, bool]]:
        return StreamUnavailable, (self.code, self.detail, self.permanent)


# code → (what happened, what to do). Pages run both through gettext.
ADVICE: dict[str, tuple[str, str]] = {
    "unreachable": (
        "Nothing answers at this address.",
        "Check the address and port, that the camera has power, and that this gateway is in its"
        " network.",
    ),
    "timeout": (
        "The camera did not answer in time.",
        "Check the network between camera and gateway; restart the camera if it accepts connections"
        " but stays silent.",
    ),
    "unauthorized": (
        "The camera refused the user name or password.",
        "Enter the user name and password of an account that may see the video.",
    ),
    "not_found": (
        "The camera, or the folder, has no video under this name.",
        "Check the path at the end of the address; the camera's manual names it.",
    ),
    "unsupported_codec": (
        "The video is coded in a way that this gateway cannot decode.",
        "Set the camera to H.264, H.265 or MJPEG.",
    ),
    "no_frames": (
        "The connection stands, but no picture arrives.",
        "Look at the camera's own page whether it shows a picture; restart the camera if not.",
    ),
    "camera_error": (
        "The camera answered with an error.",
        "Restart the camera; if this stays, check that the address is the one of its video stream.",
    ),
    "disconnected": (
        "The camera ended the connection.",
        "The gateway connects again by itself; if this repeats, check the camera's power and the"
        " network, and how many viewers it allows at once.",
    ),
    "not_a_video": (
        "The file is empty, cut off, or not a video.",
        "Choose a file that plays in a video player, such as an MP4 with H.264.",
    ),
    "refused_scheme": (
        "This kind of address is not allowed for a camera.",
        "Use rtsp, rtsps, http or https for a network camera.",
    ),
    "refused_address": (
        "This address belongs to the machine's own services, not to a camera.",
        "Enter the address of the camera in your network.",
    ),
    "bad_address": (
        "The address cannot be read.",
        "Write it like rtsp://192.168.1.20:554/stream1.",
    ),
    "device_missing": (
        "There is no such camera device on this machine.",
        "Plug the camera in and choose its device, for example /dev/video0.",
    ),
    "bad_picture": (
        "The pictures are too large or cannot be decoded.",
        "Set the camera to a resolution of at most 3840 × 2160, or to another stream.",
    ),
    "simulation_invalid": (
        "The simulated camera's address is not understood.",
        "Start from sim://road or sim://plaza and add parameters from the documentation.",
    ),
    "scene_invalid": (
        "The scene of this camera cannot be used.",
        "Open the camera's editor, correct the line, zone or module named here and save it.",
    ),
    "model_unusable": (
        "The detector of this camera cannot be loaded.",
        "Choose another model for this camera, or the built-in motion detector.",
    ),
    "crashed": (
        "The camera's worker ended unexpectedly and is started again.",
        "If this repeats, choose another detector or look into the log.",
    ),
    "hung": (
        "The camera's worker stopped answering and is started again.",
        "If this repeats, the machine may be overloaded: lower the analysed frame rate.",
    ),
}


def advice(code: str) -> tuple[str, str]:
    """(what happened, what to do) in English sentences; an unknown code names itself."""
    return ADVICE.get(code, (f"The video is not available ({code}).", "Look into the log."))
