"""How Sphinx makes pages of ``build/docs/source``, which `docs.__main__` has written."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from minidl import __version__

project, release, copyright, language = "minidl", __version__, "minidl's authors, MIT licence", "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docs.docstrings",
    "docs.mathml",
    "docs.mended",
    "docs.outputs",
]
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"
napoleon_google_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # words, not entries: members have those
napoleon_use_rtype = False

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = -1
nb_merge_streams = True
nb_output_stderr = "remove"  # where packages and files lie on this machine

html_theme = "furo"
html_title = "minidl"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_js_files = [("scrubber.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = False
html_favicon = "static/favicon.svg"
html_math_renderer = "mathml"
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
