"""The version, also for the package's metadata."""

VERSION = "0.1.0"
