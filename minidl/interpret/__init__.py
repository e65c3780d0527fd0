"""What networks see, and what fools them: pictures, attributions, attacks, loss landscapes; nothing here trains one."""

# ruff: noqa: F401, I001
# fmt: off
from minidl.interpret.pictures import activation_picture, filter_picture
from minidl.interpret.patches import Patches, receptive_field, strongest, strongest_patches
from minidl.interpret.saliency import saliency
from minidl.interpret.smooth_grad import smooth_grad
from minidl.interpret.integrated_gradients import integrated_gradients
from minidl.interpret.rectified import deconvolution, guided_backprop
from minidl.interpret.occlusion import occlusion
from minidl.interpret.grad_cam import grad_cam
from minidl.interpret.synthesis import invert_features, maximize_activation
from minidl.interpret.sanity import randomization_test, rank_correlation
from minidl.interpret.normalized import Normalized
from minidl.interpret.adversarial import fgsm, pgd
from minidl.interpret.patch import adversarial_patch, apply_patch
from minidl.interpret.landscape import loss_landscape, random_direction
