"""Boxes for detection: corners and centres, intersection over union, anchors on a grid, suppression of non-maxima."""

import numpy as np
import torch

rng = np.random.default_rng(45)


def box_corner_to_center(boxes):
    x1, y1, x2, y2 = boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3]
    cx = (x1 + x2) / 2
    cy = (y1 + y2) / 2
    w = x2 - x1
    h = y2 - y1
    return torch.stack((cx, cy, w, h), axis=-1)


def box_iou(boxes1, boxes2):
    box_area = lambda boxes: (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])  # noqa: E731
    areas1, areas2 = box_area(boxes1), box_area(boxes2)
    inter_upperlefts = torch.max(boxes1[:, None, :2], boxes2[:, :2])
    inter_lowerrights = torch.min(boxes1[:, None, 2:], boxes2[:, 2:])
    inters = (inter_lowerrights - inter_upperlefts).clamp(min=0)
    inter_areas = inters[:, :, 0] * inters[:, :, 1]
    union_areas = areas1[:, None] + areas2 - inter_areas
    return inter_areas / union_areas


def multibox_prior(h, w, sizes, ratios):
    size_tensor, ratio_tensor = torch.tensor(sizes), torch.tensor(ratios)
    center_h = (torch.arange(h) + 0.5) / h
    center_w = (torch.arange(w) + 0.5) / w
    shift_y, shift_x = torch.meshgrid(center_h, center_w, indexing="ij")
    shift_y, shift_x = shift_y.reshape(-1), shift_x.reshape(-1)
    ws = torch.cat((size_tensor * torch.sqrt(ratio_tensor[0]), sizes[0] * torch.sqrt(ratio_tensor[1:]))) * h / w
    hs = torch.cat((size_tensor / torch.sqrt(ratio_tensor[0]), sizes[0] / torch.sqrt(ratio_tensor[1:])))
    anchor_manipulations = torch.stack((-ws, -hs, ws, hs)).T.repeat(h * w, 1) / 2
    per_pixel = len(sizes) + len(ratios) - 1
    out_grid = torch.stack([shift_x, shift_y, shift_x, shift_y], dim=1).repeat_interleave(per_pixel, dim=0)
    return (out_grid + anchor_manipulations).unsqueeze(0)


def nms(boxes, scores, iou_threshold):
    B = torch.argsort(scores, dim=-1, descending=True)
    keep = []
    while B.numel() > 0:
        i = B[0]
        keep.append(i)
        if B.numel() == 1:
            break
        iou = box_iou(boxes[i, :].reshape(-1, 4), boxes[B[1:], :].reshape(-1, 4)).reshape(-1)
        inds = torch.nonzero(iou <= iou_threshold).reshape(-1)
        B = B[inds + 1]
    return torch.tensor([k.item() for k in keep])


def assign(ground_truth, anchors, iou_threshold=0.3):
    jaccard = box_iou(anchors, ground_truth)
    anchors_bbox_map = torch.full((anchors.shape[0],), -1, dtype=torch.long)
    max_ious, indices = torch.max(jaccard, dim=1)
    anc_i = torch.nonzero(max_ious >= iou_threshold).reshape(-1)
    anchors_bbox_map[anc_i] = indices[max_ious >= iou_threshold]
    col_discard = torch.full((anchors.shape[0],), -1.0)
    for _ in range(ground_truth.shape[0]):
        max_idx = torch.argmax(jaccard)
        box_idx = (max_idx % ground_truth.shape[0]).long()
        anc_idx = (max_idx // ground_truth.shape[0]).long()
        anchors_bbox_map[anc_idx] = box_idx
        jaccard[:, box_idx] = col_discard
    return anchors_bbox_map


corners = torch.tensor(rng.uniform(0, 0.5, (8, 2)), dtype=torch.float32)
boxes = torch.cat([corners, corners + torch.tensor(rng.uniform(0.2, 0.5, (8, 2))).float()], 1)
scores = torch.tensor(rng.random(8))
anchors = multibox_prior(3, 4, [0.75, 0.25], [1, 2, 0.5])
results = {
    "centers": box_corner_to_center(boxes)[:3],
    "iou": box_iou(boxes[:3], boxes),
    "anchors": [anchors.shape, anchors[0, :4]],
    "kept": nms(boxes, scores, 0.3),
    "assigned": assign(boxes[:3], anchors[0]),
    "large": boxes[(boxes[:, 2:] - boxes[:, :2]).prod(1) > 0.12],
}
