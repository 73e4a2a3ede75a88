"""Our rasteriser is gsplat 1.5.3's: compared with its own pure-torch reference where gsplat is importable.

Where conventions differ: gsplat takes det(covariance) by subtraction, we by Lagrange's identity, so long thin Gaussians
agree to the rounding of the former only; its torch reference boxes at 3.33 sigma whatever the opacity, which cuts nothing.
"""

import inspect

import pytest
import torch
from raster_scenes import LEARNED, as_double, difference, draw_and_differentiate, pictures, scene, turned

from tfg.engines import rasterize
from tfg.engines.gaussian import cuda, raster
from tfg.engines.gaussian.twin import Projection

gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed")
import gsplat_reference  # noqa: E402


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("degree", [None, 2])
def test_pictures_and_gradients_are_gsplats(degree: int | None, antialias: bool) -> None:
    given = as_double(scene(300, 45, 38, seed=5, degree=degree))
    given["rotation"] = turned(torch.float64)  # gsplat inverts the view, we transpose: equal for a rotation only
    results = []
    for ours in (True, False):
        learned = {name: given[name].clone().requires_grad_() for name in LEARNED}
        if ours:
            raster = rasterize(**(given | learned), engine="torch", antialias=antialias)
            color, alpha = raster.color, raster.alpha
        else:
            found = gsplat_reference.draw(given | learned, antialias=antialias)
            color, alpha = found["color"], found["alpha"]
        weights = torch.randn(color.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        ((color * weights).sum() + (alpha * weights[..., 0]).sum()).backward()
        results.append((color.detach(), alpha.detach(), [learned[name].grad for name in LEARNED]))
    (color, alpha, slopes), (their_color, their_alpha, their_slopes) = results
    assert difference(color, their_color) < 1e-9
    assert difference(alpha, their_alpha) < 1e-9
    for name, mine, theirs in zip(LEARNED, slopes, their_slopes, strict=True):
        assert difference(mine, theirs) < 1e-7, name


class OnTheCpu:
    """Stands in for gsplat's CUDA functions: takes only calls that fit their signatures, computes with gsplat's torch code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from gsplat.cuda import _torch_impl

        self.reference = _torch_impl
        for name in ("fully_fused_projection", "spherical_harmonics", "isect_tiles", "rasterize_to_pixels"):
            monkeypatch.setattr(
                gsplat, name, self.checked(inspect.signature(getattr(gsplat, name)), getattr(self, name))
            )
        monkeypatch.setattr(
            gsplat, "isect_offset_encode", lambda pairs, images, across, down: pairs.new_zeros(1, down, across)
        )

    @staticmethod
    def checked(signature: inspect.Signature, function):
        def call(*positional, **named):
            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            return function(**bound.arguments)

        return call

    def fully_fused_projection(
        self, means, quats, scales, viewmats, Ks, width, height, opacities, calc_compensations, **rest
    ):
        assert rest["covars"] is None
        assert not rest["packed"]
        covariances, _ = self.reference._quat_scale_to_covar_preci(quats, scales, compute_preci=False)
        radii, *others = self.reference._fully_fused_projection(
            means,
            covariances,
            viewmats,
            Ks,
            width,
            height,
            rest["eps2d"],
            rest["near_plane"],
            rest["far_plane"],
            calc_compensations,
        )
        assert len(opacities) == len(means)
        return radii, *others

    def spherical_harmonics(self, degrees_to_use, dirs, coeffs, masks):
        assert masks.shape == (len(dirs),)
        return self.reference._spherical_harmonics(degrees_to_use, dirs, coeffs)

    def isect_tiles(self, means2d, radii, depths, tile_size, tile_width, tile_height, **rest):
        assert means2d.shape[:2] == radii.shape[:2] == depths.shape
        visible = (radii[0] > 0).all(-1).nonzero()[:, 0]
        self.order = visible[depths[0, visible].argsort(stable=True)]
        self.extents = radii[0].long()
        return None, self.order, self.order

    def rasterize_to_pixels(self, means2d, conics, colors, opacities, image_width, image_height, flatten_ids, **rest):
        assert colors.shape[2] <= 32
        assert flatten_ids is self.order
        parts = means2d[0], conics[0], opacities[0]
        named = dict(zip(("means", "conics", "opacities"), parts, strict=True))
        ellipses = Projection(**named, depths=None, normals=None, extents=self.extents, order=self.order)
        listed = gsplat_reference.intersections(ellipses, image_width, image_height)
        picture, alpha = gsplat_reference.accumulate(*parts, colors[0], listed, image_width, image_height)
        return picture[None], alpha[None, :, :, None]


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("degree", [None, 2])
def test_the_cuda_engine_calls_gsplat_rightly(
    degree: int | None, antialias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    OnTheCpu(monkeypatch)
    given = scene(200, 33, 26, seed=2, degree=degree)
    if degree is None:
        given["colors"] = torch.rand(
            200, 40, generator=torch.Generator().manual_seed(0)
        )  # more than one portion of channels
        given["background"] = torch.rand(40, generator=torch.Generator().manual_seed(1))
    options = {"antialias": antialias, "with_normals": True}
    expected, slopes = draw_and_differentiate(as_double(given), "torch", **options)
    monkeypatch.setattr(raster, "resolve_engine", lambda engine, device, dtype: "cuda")
    assert cuda.available()
    found, got = draw_and_differentiate(given, "cuda", **options)
    for name, picture in pictures(expected).items():
        assert difference(pictures(found)[name], picture) < 1e-5, name
    for name in (*LEARNED[:-1], "means2d"):
        assert difference(got[name], slopes[name]) < 1e-4, name
    assert found.radii.shape == expected.radii.shape
