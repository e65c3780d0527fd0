"""What the lessons share: their command line, progress, pictures, and the record of their numbers.

Nothing in the library needs it; matplotlib and tqdm are imported where they are used.
"""

from minidl.learn import plots as plots
from minidl.learn.lesson import Lesson as Lesson
from minidl.learn.lesson import progress as progress
