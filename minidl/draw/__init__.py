"""A network as a page that reads what one draws: its layers in JavaScript, in one file that needs no server.

`page` gives the file. `layers.py` takes a network apart, and `kinds.py` says which layers can be drawn; `page.html`,
`style.css` and the scripts are what they are put into.
"""

from minidl.draw.page import page as page
