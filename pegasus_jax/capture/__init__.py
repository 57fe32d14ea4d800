"""Video to dataset folder: landmarks, mattes, part masks, head and camera fit."""

from pegasus_jax.capture.face_landmarks import FaceDetections as FaceDetections
from pegasus_jax.capture.face_landmarks import detect_faces as detect_faces
from pegasus_jax.capture.pipeline import CaptureSummary as CaptureSummary
from pegasus_jax.capture.pipeline import capture_video as capture_video
