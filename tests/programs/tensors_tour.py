"""A first notebook: tensors, their shapes, what shares memory, and what is done in place."""

import numpy as np
import torch

data = [[1, 2], [3, 4]]
x_data = torch.tensor(data)
np_array = np.array(data)
x_np = torch.from_numpy(np_array)
x_ones = torch.ones_like(x_data)
x_float = torch.zeros_like(x_data, dtype=torch.float)

tensor = torch.arange(12, dtype=torch.float32).reshape(3, 4)
print(f"First row: {tensor[0]}")
print(f"First column: {tensor[:, 0]}")
print(f"Last column: {tensor[..., -1]}")
tensor[:, 1] = 0

t1 = torch.cat([tensor, tensor, tensor], dim=1)
y1 = tensor @ tensor.T
y2 = tensor.matmul(tensor.T)
z1 = tensor * tensor
agg_item = tensor.sum().item()

before = id(tensor)
tensor.add_(5)
tensor += 1
tensor[1] /= 2
same_object = before == id(tensor)

t = torch.ones(5)
n = t.numpy()
t.add_(1)
np_array += 1  # seen through x_np
row = tensor[0]
row *= 10  # seen in tensor

results = {
    "shapes": [list(t1.shape), list(y1.size()), [t1.size(0), tensor.numel(), tensor.dim()]],
    "x_np": x_np,
    "x_ones": x_ones,
    "x_float": x_float,
    "equal": bool((y1 == y2).all()),
    "z1": z1,
    "sum": agg_item,
    "same_object": same_object,
    "tensor": tensor,
    "n": n,
    "types": [str(x_float.dtype).split(".")[-1], type(agg_item).__name__, type(tensor.tolist()[0][0]).__name__],
}
