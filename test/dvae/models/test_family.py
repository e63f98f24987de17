"""The models of the family against independent truth, each through the one interface."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian, gaussian_log_likelihood
from dvae.models.deep_ar import DeepAR, DeepARConfig
from dvae.models.dkf import DKF, DKFConfig
from dvae.models.dvae import DVAE
from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig
from dvae.models.networks.emission import log_likelihood
from dvae.models.networks.layers import num_parameters
from dvae.models.rvae import RVAE, RVAEConfig
from dvae.models.srnn import SRNN, SRNNConfig
from dvae.models.store.checkpoint import save_model
from dvae.models.store.registry import FAMILY, family_class, load_model
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig
from dvae.models.vae import VAE, VAEConfig

D, L = 5, 3
HIT = HiTDVAEConfig(D, L, 4, 6, 5, 8, 12, num_layers=2, num_heads=2)
BOX_SRNN = SRNNConfig(4, 4, 4, 8, "causal", 16, 8, 8, 8, 16, "gaussian")
SMALL: dict[str, DVAE[Any]] = {}
torch.manual_seed(5)
for emission in ("complex_gaussian", "gaussian"):
    for label, model in {
        "VAE": VAE(VAEConfig(D, L, 6, emission)),
        "DKF": DKF(DKFConfig(D, L, 6, 7, 5, 4, 4, 5, 6, 7, emission)),
        "RVAE": RVAE(RVAEConfig(D, L, 6, True, emission)),
        "RVAE non-causal": RVAE(RVAEConfig(D, L, 6, False, emission)),
        "SRNN": SRNN(SRNNConfig(D, L, 6, 7, "smoothing", 5, 4, 5, 4, 6, emission)),
        "SRNN causal": SRNN(SRNNConfig(D, L, 6, 7, "causal", 5, 4, 5, 4, 6, emission)),
        "Deep AR": DeepAR(DeepARConfig(D, 6, 7, 6, emission)),
        "HiT": HiTDVAE(replace(HIT, emission=emission)),
        "HiT Inv-s-NRC": HiTDVAE(replace(HIT, inverted=True, residual=False, emission=emission)),
        "LigHT": HiTDVAE(replace(HIT, decoders="shared", emission=emission)),
        "LigHT Inv-s": HiTDVAE(replace(HIT, decoders="shared", inverted=True, emission=emission)),
    }.items():
        SMALL[f"{label}, {emission}"] = model.double().eval()
every = pytest.mark.parametrize("model", SMALL.values(), ids=SMALL)
STEPS = {name: model for name, model in SMALL.items() if "non-causal" not in name}
every_by_frame = pytest.mark.parametrize("model", STEPS.values(), ids=STEPS)
READS_PAST = {name: model for name, model in SMALL.items() if model.reads_past}


def draw_data(model: DVAE[Any], generator: torch.Generator, batch: int = 2, num_frames: int = 6) -> Tensor:
    data = torch.randn(batch, num_frames, D, generator=generator, dtype=torch.float64)
    return data.square() + 0.01 if model.config.emission == "complex_gaussian" else data


def draw_noise(model: DVAE[Any], generator: torch.Generator, batch: int = 2, num_frames: int = 6) -> Tensor:
    return torch.randn(model.noise_shape(batch, num_frames), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (VAE(VAEConfig()), 138_273),
        (DKF(DKFConfig()), 516_641),
        (RVAE(RVAEConfig()), 553_121),
        (RVAE(RVAEConfig(causal=False)), 1_026_849),
        (SRNN(SRNNConfig()), 884_993),
        (SRNN(BOX_SRNN), 1_540),
        (TrajectorySRNN(TrajectorySRNNConfig()), 1_540),
    ],
)
def test_parameter_counts_are_the_published_ones(model: torch.nn.Module, parameters: int) -> None:
    assert num_parameters(model) == parameters


@pytest.mark.parametrize(("decoders", "millions"), [("separate", 21.75), ("shared", 17.46)])
def test_parameter_counts_of_the_transformers(decoders: str, millions: float) -> None:
    with torch.device("meta"):
        model = HiTDVAE(HiTDVAEConfig(decoders=decoders))
    assert round(num_parameters(model) / 1e6, 2) == millions


@torch.no_grad()
@every_by_frame
def test_step_is_one_frame_of_the_sequence(model: DVAE[Any], generator: torch.Generator) -> None:
    data = draw_data(model, generator)
    latents = model.encode(data, draw_noise(model, generator))
    emission, prior = model.decode(latents.z, data, latents.w), model.prior(latents.z, data, latents.w)
    state, drawn = model.initial_state(2, latents.w), model.initial_state(2, latents.w)
    previous = torch.zeros_like(data[:, 0])
    for t in range(data.shape[1]):
        given = model.step(state, previous, latents.z[:, t])
        # the noise that makes the prior draw the same z: step then shows its prior too
        noise = (latents.z[:, t] - prior.mean[:, t]) * torch.exp(-0.5 * prior.log_var[:, t])
        own = model.step(drawn, previous, noise=noise)
        for found, expected in zip(given.emission, emission, strict=True):
            torch.testing.assert_close(found, expected[:, t])
        for found, expected in zip(own.emission, emission, strict=True):
            torch.testing.assert_close(found, expected[:, t])
        assert own.prior is not None
        for found, expected in zip(own.prior, prior, strict=True):
            torch.testing.assert_close(found, expected[:, t])
        previous, state, drawn = data[:, t], given.state, own.state


@torch.no_grad()
@every
def test_the_generative_model_is_causal(model: DVAE[Any], generator: torch.Generator) -> None:
    data = draw_data(model, generator)
    latents = model.encode(data, draw_noise(model, generator))
    later_data, later_z = data.clone(), latents.z.clone()
    later_data[:, 4] += 1.0
    later_z[:, 4] += 1.0
    before = model.densities(latents.z, data, latents.w)
    frames = torch.arange(6)

    def unchanged(after: Any) -> tuple[list[bool], list[bool]]:
        return tuple(  # type: ignore[return-value]
            torch.stack([torch.isclose(a, b, rtol=1e-10, atol=0.0).all(-1).all(0) for a, b in zip(x, y, strict=True)])
            .all(0)
            .tolist()
            for x, y in ((before.prior, after.prior), (before.emission, after.emission))
        )

    prior, emission = unchanged(model.densities(latents.z, later_data, latents.w))
    # x_4 is past from frame 5 on, for both densities
    assert prior == (frames < 5).tolist() if model.reads_past and latents.z.shape[-1] else all(prior)
    assert emission == (frames < 5).tolist() if model.reads_past else all(emission)
    if latents.z.shape[-1]:
        prior, emission = unchanged(model.densities(later_z, data, latents.w))
        assert all(prior[:5])  # z_4 is past of the prior from frame 5 on
        causal = getattr(model.config, "causal", True)
        assert emission[:4] == ([True] * 4 if causal else [False] * 4)
        assert not emission[4]


@torch.no_grad()
@pytest.mark.parametrize("label", ["DKF", "SRNN", "SRNN causal", "HiT", "RVAE", "RVAE non-causal", "VAE"])
def test_the_posterior_reads_what_its_docstring_says(label: str, generator: torch.Generator) -> None:
    model = SMALL[f"{label}, gaussian"]
    data = draw_data(model, generator)
    changed = data.clone()
    changed[:, 3] += 1.0
    if isinstance(model, HiTDVAE):  # at a fixed w
        w = torch.zeros(2, 4, dtype=torch.float64)
        first, second = model.encode_with(data, w).z, model.encode_with(changed, w).z
    else:
        # z_t is passed on through z_{t-1}: with noise that is not there, the first difference shows what x_3 reaches
        first, second = model.encode(data).z, model.encode(changed).z
    differs = (~torch.isclose(first, second)).any(-1).any(0).tolist()
    expected = {
        "VAE": [False, False, False, True, False, False],
        "SRNN causal": [False, False, False, True, True, True],
    }
    assert differs == expected.get(label, [True] * 6)


@every
def test_elbo_gradient_against_finite_differences(model: DVAE[Any], generator: torch.Generator) -> None:
    data, noise = draw_data(model, generator), draw_noise(model, generator)
    value = model.elbo(data, noise, beta=0.7)
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(value.elbo, list(parameters.values()), allow_unused=True)
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        if gradient is None:
            assert (num_parameters(model) and parameter.numel() == 0) or "prior" in name, name
            continue
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            values = []
            for change in (1e-5, -2e-5):
                parameter += change * direction
                values.append(float(model.elbo(data, noise, beta=0.7).elbo))
            parameter += 1e-5 * direction
        slope = float((gradient * direction).sum())
        assert slope == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-6), name


@torch.no_grad()
@every
def test_elbo_is_below_the_importance_sampled_likelihood(model: DVAE[Any], generator: torch.Generator) -> None:
    count, num_frames = 4000, 3
    data = draw_data(model, generator, 1, num_frames).expand(count, -1, -1)
    noise = draw_noise(model, generator, count, num_frames)
    latents = model.encode(data, noise)
    densities = model.densities(latents.z, data, latents.w)
    weights = log_likelihood(data, densities.emission, model.config.floor).sum(1)
    weights = weights + gaussian_log_likelihood(latents.z, densities.prior).sum((1, 2))
    weights = weights - gaussian_log_likelihood(latents.z, latents.posterior).sum((1, 2))
    if latents.w is not None and latents.w_posterior is not None:
        standard = Gaussian(torch.zeros_like(latents.w), torch.zeros_like(latents.w))
        weights = weights + gaussian_log_likelihood(latents.w, standard).sum(-1)
        weights = weights - gaussian_log_likelihood(latents.w, latents.w_posterior).sum(-1)
    likelihood = torch.logsumexp(weights, 0) - math.log(count)
    elbo = num_frames * model.elbo(data, noise).elbo
    assert float(elbo) <= float(likelihood) + 1e-9
    error = float(weights.std()) / math.sqrt(count)  # the KL in closed form and by sampling
    assert float(elbo) == pytest.approx(float(weights.mean()), abs=5 * error + 1e-6)


@pytest.mark.parametrize("model", READS_PAST.values(), ids=READS_PAST)
def test_scheduled_sampling_is_the_loop_over_frames(model: DVAE[Any], generator: torch.Generator) -> None:
    """Value and gradient of the two passes, against one loop over frames in which own output is shown, detached."""
    data, noise = draw_data(model, generator), draw_noise(model, generator)
    keep_own = torch.rand(2, 6, generator=generator) < 0.5
    value = model.elbo(data, noise, 0.7, keep_own)
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(value.elbo, parameters, allow_unused=True)

    latents = model.encode(data, noise)
    frames: list[Tensor] = []
    for t in range(6):
        shown = torch.stack([*frames, *[torch.zeros_like(data[:, 0])] * (6 - t)], dim=1)
        density = model.decode(latents.z, shown, latents.w)  # frame t reads frames before t only
        own = (density.variance if isinstance(density, ComplexGaussian) else density.mean)[:, t].detach()
        frames.append(torch.where(keep_own[:, t, None], own, data[:, t]))
    densities = model.densities(latents.z, torch.stack(frames, dim=1), latents.w)
    expected = model.bound(data, latents, densities, 0.7)
    torch.testing.assert_close(value, expected)
    assert not torch.equal(value.elbo, model.elbo(data, noise, 0.7).elbo)
    for name, a, b in zip(names, found, torch.autograd.grad(expected.elbo, parameters, allow_unused=True), strict=True):
        assert (a is None) == (b is None), name
        if a is not None:
            torch.testing.assert_close(a, b)


@torch.no_grad()
@pytest.mark.parametrize("model", READS_PAST.values(), ids=READS_PAST)
def test_parallel_roll_out_ends_at_the_exact_one(model: DVAE[Any], generator: torch.Generator) -> None:
    data = draw_data(model, generator)
    latents = model.encode(data, draw_noise(model, generator))
    keep_own = torch.rand(2, 6, generator=generator) < 0.7
    exact = model.roll_out(latents.z, data, keep_own, latents.w)
    for passes in (1, 3, 6):
        shown = model.parallel_roll_out(latents.z, data, keep_own, passes, latents.w)
        torch.testing.assert_close(shown[:, :passes], exact[:, :passes])
    torch.testing.assert_close(shown, exact)


@torch.no_grad()
@pytest.mark.parametrize("model", READS_PAST.values(), ids=READS_PAST)
def test_generation_mode_shows_the_model_its_own_output(model: DVAE[Any], generator: torch.Generator) -> None:
    data = draw_data(model, generator)
    latents = model.encode(data, draw_noise(model, generator))
    own = model.roll_out(latents.z, w=latents.w)
    generated = model.decode(latents.z, w=latents.w)
    result = generated.variance if isinstance(generated, ComplexGaussian) else generated.mean
    torch.testing.assert_close(result, own)  # a fixed point: what is shown is what comes out
    assert not torch.allclose(own, data)


@torch.no_grad()
@every
def test_generate_is_reproducible_and_uses_its_generator(model: DVAE[Any]) -> None:
    first, again, other = (model.generate(2, 4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (2, 4, D)
    assert first.isfinite().all()
    assert torch.equal(first, again)
    if model.config.latent_size:
        assert not torch.equal(first, other)


def test_registry_stores_and_loads_every_class(tmp_path: Any, generator: torch.Generator) -> None:
    for name, model in SMALL.items():
        save_model(model.float(), tmp_path / name)
        loaded = load_model(tmp_path / name)
        assert type(loaded) is type(model)
        assert loaded.config == model.config
        model.double()
    assert set(FAMILY) == {"VAE", "DKF", "RVAE", "SRNN", "DeepAR", "HiTDVAE"}
    with pytest.raises(ValueError, match=r"expected a model of VAE, .*got 'HitDVAE'; the nearest is 'HiTDVAE'"):
        family_class("HitDVAE")


def test_mistakes_are_named(generator: torch.Generator) -> None:
    model = SMALL["HiT, gaussian"]
    data = draw_data(model, generator)
    with pytest.raises(ValueError, match="expected the w of the sequences, got None"):
        model.decode(torch.zeros(2, 6, L, dtype=torch.float64), data)
    state = model.step(model.initial_state(2), data[:, 0], torch.zeros(2, L, dtype=torch.float64)).state
    with pytest.raises(ValueError, match="expected z, which was given for the frames before"):
        model.step(state, data[:, 1])
    rvae = SMALL["RVAE, gaussian"]
    assert isinstance(rvae, RVAE)
    with pytest.raises(TypeError, match="expected an RVAE of spectra, got one of gaussian data"):
        rvae.speech_var(torch.zeros(1, 2, L, dtype=torch.float64))
    blind = SMALL["RVAE non-causal, gaussian"]
    with pytest.raises(ValueError, match="expected a causal RVAE"):
        blind.step(blind.initial_state(1), data[:1, 0])
