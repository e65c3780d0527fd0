"""What is computed, as pictures and lines of text; it needs no other package."""

from minidl.viz.backward import Backward as Backward
from minidl.viz.backward import backward as backward
from minidl.viz.graph import Graph as Graph
from minidl.viz.graph import graph as graph
from minidl.viz.grid import image as image
from minidl.viz.grid import make_grid as make_grid
from minidl.viz.picture import Picture as Picture
from minidl.viz.picture import picture as picture
from minidl.viz.sketch import sketch as sketch
