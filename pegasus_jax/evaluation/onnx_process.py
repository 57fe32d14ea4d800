"""The process that reads and runs an ONNX file, as a damaged one may end the process that reads it, inside OpenCV.

    python onnx_process.py PATH HEIGHT WIDTH BYTES

It takes pictures (1, 3, HEIGHT, WIDTH) float32 from standard input, and answers each by a message: a byte that says
what it is, eight bytes for its length, and then floats of the network's first output, or a sentence. The first message
says that the file is read. It may take BYTES of memory beyond what it has when it starts.
"""

import pathlib
import struct
import sys
from typing import BinaryIO

HEAD = struct.Struct("<cQ")  # of a message
FEATURES, FAILED = b"f", b"e"


def serve(path: str, size: tuple[int, int], pictures: BinaryIO, answers: BinaryIO) -> None:
    """Answers every picture of standard input until it ends."""
    import cv2
    import numpy as np

    def answer(kind: bytes, content: bytes) -> None:
        answers.write(HEAD.pack(kind, len(content)) + content)
        answers.flush()

    try:
        network = cv2.dnn.readNetFromONNX(path)
        answer(FEATURES, b"")
        height, width = size
        while picture := pictures.read(4 * 3 * height * width):
            network.setInput(np.frombuffer(picture, np.float32).reshape(1, 3, height, width))
            answer(FEATURES, np.asarray(network.forward(), np.float32).tobytes())
    except cv2.error as error:
        answer(FAILED, error.err.encode(errors="replace"))
    except MemoryError:
        answer(FAILED, b"it would take too much memory")


def _limit(more: int) -> None:
    import resource

    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    import cv2  # noqa: F401  before its memory is counted

    if sys.platform.startswith("linux"):
        _limit(int(sys.argv[4]))
    serve(sys.argv[1], (int(sys.argv[2]), int(sys.argv[3])), sys.stdin.buffer, sys.stdout.buffer)
