"""The dataset folder: reading, writing, checking. The one place where other people's conventions become ours."""

from pegasus_jax.core.camera import Camera as Camera
from pegasus_jax.data.dataset import TEST_FRACTION as TEST_FRACTION
from pegasus_jax.data.dataset import Dataset as Dataset
from pegasus_jax.data.finding import dataset_folders as dataset_folders
from pegasus_jax.data.flame_sequence import write_flame_sequence as write_flame_sequence
from pegasus_jax.data.reading import read_dataset as read_dataset
from pegasus_jax.data.writing import DatasetWriter as DatasetWriter
from pegasus_jax.data.writing import FrameParams as FrameParams
