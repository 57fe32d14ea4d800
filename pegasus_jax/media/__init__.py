"""Videos and pictures as files. Images are (H, W, 3), sRGB: uint8, or float in [0, 1] where a function says so.

What is written says in its metadata that it is synthetic, unless the caller says that a camera took it: `disclosure` is
an argument without a default, so that no writer forgets to decide.
"""

from pegasus_jax.media.decoding import count_frames as count_frames
from pegasus_jax.media.disclosure import Disclosure as Disclosure
from pegasus_jax.media.disclosure import composed as composed
from pegasus_jax.media.disclosure import drawn as drawn
from pegasus_jax.media.disclosure import rendered as rendered
from pegasus_jax.media.pictures import encode_image as encode_image
from pegasus_jax.media.pictures import write_image as write_image
from pegasus_jax.media.reading import read_video as read_video
from pegasus_jax.media.sheets import contact_sheet as contact_sheet
from pegasus_jax.media.videos import write_video as write_video
