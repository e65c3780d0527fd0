"""What is done at moments of a training, one callback a file: with Keras's names, arguments and behaviour."""

from minidl.train.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from minidl.train.callbacks.callback import Callback as Callback
from minidl.train.callbacks.csv_logger import CSVLogger as CSVLogger
from minidl.train.callbacks.early_stopping import EarlyStopping as EarlyStopping
from minidl.train.callbacks.gradual_unfreezing import GradualUnfreezing as GradualUnfreezing
from minidl.train.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from minidl.train.callbacks.layer_recorder import LayerRecorder as LayerRecorder
from minidl.train.callbacks.learning_rate_scheduler import LearningRateScheduler as LearningRateScheduler
from minidl.train.callbacks.lr_finder import LRFinder as LRFinder
from minidl.train.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from minidl.train.callbacks.progress import Progress as Progress
from minidl.train.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau as ReduceLROnPlateau
from minidl.train.callbacks.tensorboard import TensorBoard as TensorBoard
from minidl.train.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
