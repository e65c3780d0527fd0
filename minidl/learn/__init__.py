"""What the lessons share: their command line, progress, pictures, and the record of their numbers."""

from minidl.learn import plots as plots
from minidl.learn.lesson import Lesson as Lesson
from minidl.learn.lesson import progress as progress
