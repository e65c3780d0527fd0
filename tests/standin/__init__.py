"""A stand-in of CuPy for tests: NumPy arrays that play a GPU's, and refuse what CuPy refuses.

With the fixture `standin`, ``import cupy`` gives this instead, and minidl believes that it works on a GPU with two
devices. What it is for, is all that goes wrong between NumPy and CuPy while values are right:

* host and device arrays in one call, 0-d host arrays, lists in ufuncs, ``np.asarray`` of a device array (`arrays`);
* indices that are out of range, or name a place twice (`indexing`);
* names and parameters that NumPy has and CuPy lacks (`catalog`: a list of CuPy's, in ``names.json``);
* results whose memory runs otherwise: C order, where NumPy keeps that of the operands (`functions`);
* arrays of two devices in one call, or of one that is not the current one (`devices`);
* copies between host and device, and waiting for the device, that nobody sees: they are counted, and `no_sync` makes
  them errors (`traffic`).

Kernels can't run here: the engine computes by its references. ``test_standin.py`` holds the stand-in against CuPy
itself wherever that can run.
"""

from standin.arrays import Undefined as Undefined
from standin.modules import cupy as cupy
from standin.modules import installed as installed
from standin.modules import standin as standin
from standin.traffic import HiddenTraffic as HiddenTraffic
from standin.traffic import asked_for as asked_for
from standin.traffic import no_sync as no_sync
from standin.traffic import traffic as traffic
