"""What is done at moments of a training, one callback a file: with Keras's names, arguments and behaviour."""

from minidl.train.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from minidl.train.callbacks.callback import Callback as Callback
from minidl.train.callbacks.early_stopping import EarlyStopping as EarlyStopping
from minidl.train.callbacks.progress import Progress as Progress
