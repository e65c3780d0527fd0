"""Products of vectors and matrices, and Einstein's summation, beside PyTorch's: values, gradients, refusals."""

import numpy as np
import pytest
from parity import agree, call, compare, method, normal, refused

A, B, V, W = normal(3, 4), normal(4, 2), normal(4), normal(3)
BATCH, OTHER = normal(5, 3, 4), normal(5, 4, 2)
WHOLE = np.array([[1, 2], [3, 4]])
OPERANDS = {
    "()": normal(),
    "v": V,
    "w": W,
    "m": A,
    "n": B,
    "b": BATCH,
    "c": OTHER,
    "nothing": normal(0, 4),
    "one": normal(1, 4),
}


@pytest.mark.parametrize("second", OPERANDS)
@pytest.mark.parametrize("first", OPERANDS)
def test_products(first, second):
    """Each pair of operands: the product, or a refusal by both."""
    for name in ("mm", "bmm", "mv", "dot", "outer", "matmul"):
        agree(f"({name}|matmul)", call(name), OPERANDS[first], OPERANDS[second])


FORMS = {
    "mm": (method("mm"), A, B),
    "bmm": (method("bmm"), BATCH, OTHER),
    "mv": (method("mv"), A, V),
    "dot": (method("dot"), V, V[::-1].copy()),
    "outer": (method("outer"), V, W),
    "mm of integers": (call("mm"), WHOLE, WHOLE),
    "addmm": (call("addmm", beta=0.5, alpha=2), normal(3, 2), A, B),
    "addmm broadcast": (method("addmm"), normal(2), A, B),
    "addmm without input": (call("addmm", beta=0), np.full((3, 2), np.nan), A, B),
    "cross": (call("cross", dim=-1), normal(2, 3), normal(2, 3)),
    "cross broadcast": (call("cross", dim=1), normal(2, 3), normal(1, 3)),
    "cross method": (lambda m, x, y: x.cross(y, 0), normal(3, 2), normal(3, 2)),
    "tensordot": (call("tensordot", 2), normal(2, 3, 4), normal(3, 4, 5)),
    "tensordot of none": (call("tensordot", dims=0), normal(2), normal(3)),
    "tensordot of pairs": (call("tensordot", ([0, 2], [1, 0])), normal(2, 3, 4), normal(4, 2, 5)),
    "trace": (method("trace"), normal(3, 5)),
    "t": (lambda m, x, y: x.t().mm(y), A, normal(3, 2)),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_form(case):
    compare(*FORMS[case], order=1 if "without" in case else 2, scale=1)


REFUSED = {
    "cross of 2": ("cross", call("cross", dim=0), normal(2, 3), normal(2, 3)),
    "cross of ranks": ("cross", call("cross", dim=-1), normal(3, 3), normal(1, 3, 4)),
    "addmm of sizes": ("addmm", call("addmm"), normal(2, 2), A, B),
    "addmm of dtypes": ("addmm", call("addmm"), WHOLE, A, B),
    "mm of dtypes": ("(mm|matmul)", call("mm"), WHOLE, normal(2, 2)),
    "tensordot of sizes": ("tensordot", call("tensordot", 1), normal(2, 3), normal(2, 3)),
    "tensordot of too many": ("tensordot", call("tensordot", 3), normal(2, 3), normal(2, 3)),
    "trace of a vector": ("trace", call("trace"), V),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    refused(*REFUSED[case])


EQUATIONS = {
    "ij,jk->ik": (A, B),
    "ij,jk": (A, B),
    "bij,bjk->bik": (BATCH, OTHER),
    "bij,bjk->ikb": (BATCH, OTHER),
    "bij,bjk->": (BATCH, OTHER),
    "ij->ji": (A,),
    "ba": (A,),
    "ij->": (A,),
    "ij->j": (A,),
    "ii->i": (normal(3, 3),),
    "ii": (normal(3, 3),),
    "iji->j": (normal(3, 2, 3),),
    "iii->i": (normal(3, 3, 3),),
    "i,j->ij": (V, W),
    "i,i": (V, V),
    "i,i->i": (V, V),
    "ij,j->i": (A, V),
    "ij,ij->i": (A, A),
    "bi,ij,bj->b": (normal(5, 3), A, normal(5, 4)),
    "...ij,...jk->...ik": (BATCH, OTHER),
    "...ij,jk->...ik": (BATCH, B),
    "b...,b...->b": (BATCH, BATCH),
    "...i->...": (BATCH,),
    "i...->i": (BATCH,),
    "...ij->ij": (BATCH,),
    "...,...": (A, V),
    "nhqd,nhkd->nhqk": (normal(2, 2, 3, 4), normal(2, 2, 5, 4)),
    "nchw,kc->nkhw": (normal(2, 3, 4, 4), normal(5, 3)),
    "ij,jk,kl->il": (A, B, normal(2, 5)),
    "ij,kj->ik": (normal(1, 3), normal(2, 3)),
    "ij,jk->ik ": (normal(2, 1), normal(3, 2)),
    "ij , jk -> ik": (A, B),
    "Ij,jK->IK": (A, B),
    "ij,kl->ijkl": (A, B),
    "i,ij,j->": (W, A, V),
    "ij,j->ij": (A, V),
    "->": (normal(),),
    ",i->i": (normal(), V),
    "ij,jk->ik  ": (normal(0, 4), B),
    "ij,jk->ik   ": (normal(3, 0), normal(0, 2)),
    # and what is no equation of these operands
    "ij,jk->il": (A, B),
    "ij->i": (A, B),
    "ijk->i": (A,),
    "ij,jk->ii": (A, B),
    "ij,jk->ik    ": (A, A),
    "ii->ij": (normal(3, 3),),
    "ii->i ": (A,),
    "i.j->i": (A,),
    "i->": (A,),
    "i1->i": (A,),
    "...i...->i": (BATCH,),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation):
    agree("einsum", lambda m, *xs: m.einsum(equation, *xs), *EQUATIONS[equation])


def test_einsum_of_a_list_and_of_what_is_none():
    compare(lambda m, x, y: m.einsum("ij,jk->ik", [x, y]), A, B)
    for arguments in ((1,), ("ij,j->i",), ("ij,j->i", 1.0), (None,)):
        refused("einsum", lambda m, *xs, given=arguments: m.einsum(*given, *xs), A)
