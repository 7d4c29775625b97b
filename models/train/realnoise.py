# SPDX-License-Identifier: LGPL-2.1-or-later
"""Noise as cameras, film and codecs leave it, put on clean patches; and the one sigma that stands for it.

    noisy, clean, apart = realnoise.draw(x0, grey)
    sigma, sigma_of_chroma = realnoise.told_sigmas(noisy - clean, apart)

Pictures are float [N, 3, H, W] in [-1, 1]; sigmas are on the 0-255 scale. Each patch gets one source of noise (SOURCES)
and, mostly, one codec after it (CODECS); those of old film and tape are OLD_SOURCES and OLD_CODECS. `clean` is what the
same patch is without the noise but with all else that the camera does to it, so that a network learns to take noise
away and not to sharpen.
"""
import fractions
import io
import random

import av
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

import wear

BLOCK = 8  # of codecs; colour filters repeat after two pixels

# Linear 5x5 interpolation of a Bayer picture: Malvar, He, Cutler, "High-quality linear interpolation for demosaicing of
# Bayer-patterned color images", ICASSP 2004, figure 2, in eighths.
GREEN = [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]
ALONG = [[0, 0, .5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, .5, 0, 0]]
ACROSS = [[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]]

LUMA = 0.299, 0.587, 0.114
REAL_LUMA = 1.2       # of engine/analysis/noise_estimation.c


def uniform(n, low, high):
    return torch.empty(n, 1, 1, 1).uniform_(low, high)


def choose(share, yes, no):
    """For each patch one of two, yes with this probability."""
    return torch.where(torch.rand(len(yes), 1, 1, 1) < share, yes, no)


def blur(x, sigma):
    """Gaussian; sigma: [N, 1, 1, 1], up to 2 pixels."""
    n, c, h, w = x.shape
    at = torch.arange(-4.0, 5)
    taps = torch.exp(-0.5 * (at / sigma.view(n, 1).clamp(min=0.05)) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(c, 0)
    x = F.pad(x, (4, 4, 4, 4), mode="reflect").reshape(1, n * c, h + 8, w + 8)
    x = F.conv2d(F.conv2d(x, taps.view(-1, 1, 1, 9), groups=n * c), taps.view(-1, 1, 9, 1), groups=n * c)
    return x.view(n, c, h, w)


def luma(x):
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def to_linear(x):
    """From [-1, 1] with the transfer function of sRGB to [0, 1] in linear light."""
    v = (x + 1) / 2
    return torch.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def from_linear(v):
    v = v.clamp(0, 1)
    return torch.where(v <= 0.0031308, v * 12.92, 1.055 * v.clamp(min=1e-5) ** (1 / 2.4) - 0.055) * 2 - 1


def mosaic(rgb):
    """What an RGGB sensor sees of it: [N, 1, H, W]."""
    raw = rgb[:, 1:2].clone()
    raw[:, :, ::2, ::2], raw[:, :, 1::2, 1::2] = rgb[:, :1, ::2, ::2], rgb[:, 2:, 1::2, 1::2]
    return raw


def demosaic(raw):
    kernels = torch.tensor([GREEN, ALONG, [*zip(*ALONG)], ACROSS]).unsqueeze(1) / 8
    green, in_row, in_column, opposite = F.conv2d(F.pad(raw, (2, 2, 2, 2), mode="reflect"), kernels).chunk(4, 1)
    red, blue, green_at = raw.clone(), raw.clone(), raw.clone()
    for y in range(2):
        for x in range(2):
            here = (..., slice(y, None, 2), slice(x, None, 2))
            if y == x:  # a red or a blue pixel
                green_at[here] = green[here]
                (blue if y == 0 else red)[here] = opposite[here]
            else:
                red[here] = (in_row if y == 0 else in_column)[here]
                blue[here] = (in_column if y == 0 else in_row)[here]
    return torch.cat([red, green_at, blue], 1)


def develop(linear, gains, chroma_blur, luma_blur):
    """White balance, the transfer function, and what cameras do against noise: chroma is blurred, luma a little."""
    rgb = from_linear(linear * gains)
    y = luma(rgb)
    return (blur(y, luma_blur) + blur(rgb - y, chroma_blur)).clamp(-1, 1)


def camera(x0):
    """Poisson-Gaussian noise in linear light before demosaicing. Its range: Brooks et al., "Unprocessing images for
    learned raw denoising", CVPR 2019, section 3.1, less the quietest."""
    n = len(x0)
    gains = torch.cat([uniform(n, 1.2, 2.4), torch.ones(n, 1, 1, 1), uniform(n, 1.2, 2.4)], 1)
    linear = to_linear(x0) / gains
    shot = uniform(n, np.log(2e-4), np.log(1.2e-2)).exp()
    read = (2.18 * shot.log() + 1.2 + 0.26 * torch.randn_like(shot)).exp()
    noisy = linear + (shot * linear + read).sqrt() * torch.randn_like(linear)
    bayer = torch.rand(n, 1, 1, 1) < 0.8  # the others have three sensors, or many pixels for each that is kept
    settings = (gains, uniform(n, 0, 2) * (torch.rand(n, 1, 1, 1) < 0.7), uniform(n, 0, 0.7))
    return tuple(develop(torch.where(bayer, demosaic(mosaic(v)), v), *settings) for v in (noisy, linear))


def grain(x0):
    """Film: blobs of some pixels, mostly the same in all colours, strongest in the mid-tones."""
    n, _, h, w = x0.shape
    field = torch.randn(n, 4, h, w)
    shared = uniform(n, 0.3, 1)
    field = shared.sqrt() * field[:, :1] + (1 - shared).sqrt() * field[:, 1:]
    field = blur(field, uniform(n, 0.4, 1.3))
    field = field / field.std((1, 2, 3), keepdim=True)
    y = (luma(x0) + 1) / 2
    strength = uniform(n, 1, 25) * (2 / 255) * choose(0.7, (4 * y * (1 - y)).clamp(min=0).sqrt(), torch.ones_like(y))
    return (x0 + strength * field).clamp(-1, 1), x0


def white(x0):
    """Of even strength, for that is what else gets into a codec."""
    return (x0 + torch.randn_like(x0) * uniform(len(x0), 1, 40) * (2 / 255)).clamp(-1, 1), x0


def halved(x, axis, amid):
    """Means of pairs of pixels along an axis, or of three around each first one of a pair."""
    if amid:
        return (x.unfold(axis, 2, 2)).mean(-1)
    before = torch.cat([x.narrow(axis, 1, 1), x.narrow(axis, 0, x.shape[axis] - 1)], axis)
    after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, x.shape[axis] - 1, 1)], axis)
    return (before / 4 + x / 2 + after / 4).unfold(axis, 2, 2)[..., 0]


def doubled(x, axis, amid):
    """The way back, as engine/tensor/convert has it."""
    n = x.shape[axis]
    at = [x.index_select(axis, (torch.arange(n) + k).clamp(0, n - 1)) for k in range(-2, 3)]
    if amid:
        slope = (22 * (at[3] - at[1]) - 3 * (at[4] - at[0])) / 128
        pair = x - slope, x + slope
    else:
        pair = x, (9 * (at[2] + at[3]) - (at[1] + at[4])) / 16
    return torch.stack(pair, axis + 1).flatten(axis, axis + 1)


def video(x0):
    """Noise of luma and of chroma, each by itself, of frames in 4:2:0 or 4:2:2: what analog sources, old codecs, film
    scans and filters that add grain leave."""
    y = luma(x0)
    chroma, axes = x0 - y, (3,) if random.random() < 0.15 else (2, 3)
    amid = {2: True, 3: random.random() < 0.4}
    for axis in axes:
        chroma = halved(chroma, axis, amid[axis])
    level = uniform(len(x0), np.log(1.5), np.log(30)).exp() * (2 / 255)
    share = choose(0.35, torch.ones_like(level), uniform(len(x0), 0, 1.2))
    pairs = torch.randn(len(x0), 2, *chroma.shape[2:]) * share * level  # of Cb and Cr
    green = -(1.402 * LUMA[0] * pairs[:, 1:] + 1.772 * LUMA[2] * pairs[:, :1]) / LUMA[1]
    noise = torch.cat([1.402 * pairs[:, 1:], green, 1.772 * pairs[:, :1]], 1)
    made = [y + level * torch.randn_like(y), y]
    for k, c in enumerate((chroma + noise, chroma)):
        for axis in reversed(axes):
            c = doubled(c, axis, amid[axis])
        made[k] = made[k] + c  # colours beyond red, green and blue are not lost on the way in
    return tuple(made)


SOURCES = {camera: 0.25, grain: 0.12, white: 0.08, video: 0.55}


# ---- old film and tape

NYQUIST = 6.75  # MHz, of the 13.5 that ITU-R BT.601 samples luma at


def band(x, megahertz, peak=0.0):
    """Rows with nothing above a frequency, and with more just below it, which rings. megahertz, peak: [N, 1, 1, 1]"""
    w = x.shape[-1]
    spectrum = torch.fft.rfft(F.pad(x, (w - 1, w - 1, 0, 0), mode="reflect"))
    at = torch.linspace(0, NYQUIST, spectrum.shape[-1]) / megahertz
    passed = 0.5 + 0.5 * torch.cos(np.pi * ((at - 0.8) / 0.4).clamp(0, 1))
    passed = passed * (1 + peak * torch.exp(-0.5 * ((at - 0.75) / 0.12) ** 2))
    return torch.fft.irfft(spectrum * passed, 3 * w - 2)[..., w - 1:2 * w - 1]


def rows_moved(x, by):
    """Each row to the right by so many pixels: [N, 1, H, 1]"""
    n, _, h, w = x.shape
    across = (torch.arange(w) - by.expand(n, 1, h, w)[:, 0]) * 2 / (w - 1) - 1
    down = torch.linspace(-1, 1, h).view(1, h, 1).expand(n, h, w)
    return F.grid_sample(x, torch.stack([across, down], -1), mode="bilinear", padding_mode="reflection",
                         align_corners=True)


def vhs(x0):
    """Luma of 3 MHz and chroma of 0.5, noise in both that has no more, edges that ring, rows that jitter, and in some
    patches the switching of the heads in the last rows. Clean is what has as much detail."""
    n, _, h, w = x0.shape
    y = luma(x0)
    sharp, coarse = uniform(n, 2.6, 3.4), uniform(n, 0.4, 0.6)
    clean = (band(y, sharp) + band(x0 - y, coarse)).clamp(-1, 1)
    noise = band(torch.randn(n, 1, h, w), sharp) * uniform(n, 3, 14) * (2 / 255)
    colours = torch.randn(n, 3, h, w)
    colours = band(colours - luma(colours), coarse) * uniform(n, 4, 30) * (2 / 255)
    noisy = band(y, sharp, uniform(n, 0, 0.8)) + noise + band(x0 - y, coarse) + colours
    jitter = torch.randn(n, 1, h, 1) * uniform(n, 0, 0.4)
    rows = torch.arange(h).view(1, 1, h, 1) - (h - torch.randint(3, 9, (n, 1, 1, 1)))
    switched = (rows >= 0) & (torch.rand(n, 1, 1, 1) < 0.15)
    noisy = rows_moved(noisy, jitter + switched * (rows + 1) * uniform(n, -3, 3))
    return (noisy + switched * torch.randn(n, 1, h, w) * 0.3).clamp(-1, 1), clean


def worn(x0):
    """Film with grain, specks, hairs and scratches on it, as bright as a flicker leaves it: that stays in the clean
    one, as no single frame tells of it."""
    random_of = np.random.default_rng(random.getrandbits(32))
    noisy, clean = grain(x0)
    gain = 1 + uniform(len(x0), -0.1, 0.1)
    noisy, clean = (((v + 1) * gain - 1).clamp(-1, 1) for v in (noisy, clean))
    made, _ = wear.dirt(to_bytes(noisy), random_of, 16)
    for k in np.flatnonzero(random_of.random(len(made)) < 0.3):
        made[k:k + 1], _ = wear.scratches(made[k:k + 1], random_of, 1)
    return from_bytes(made), clean


OLD_SOURCES = {worn: 0.4, vhs: 0.4, grain: 0.2}


def to_bytes(x):
    return ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def from_bytes(pixels):
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def as_jpeg(picture, quality, subsampling):
    """What uint8 [H, W, 3] is after it was a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def jpeg(x):
    """Each patch by itself, quality 60 to 97, chroma mostly halved."""
    return from_bytes(np.stack([as_jpeg(p, random.randint(60, 97), random.choice((0, 2, 2))) for p in to_bytes(x)]))


def sheet(pixels):
    """[N, H, W, 3] side by side, and below each other: one picture, with even sides."""
    n, h, w, _ = pixels.shape
    across = int(np.ceil(n ** 0.5))
    down = -(-n // across)
    full = np.zeros((down * across, h, w, 3), np.uint8)
    full[:n] = pixels
    full = full.reshape(down, across, h, w, 3).swapaxes(1, 2).reshape(down * h, across * w, 3)
    return np.pad(full, ((0, -down * h % 2), (0, -across * w % 2), (0, 0)), mode="edge")


def coded(frames, name, pix_fmt, options):
    """The frames, [H, W, 3] each, after a codec of libav."""
    coder = av.CodecContext.create(name, "w")
    coder.height, coder.width, coder.pix_fmt = *frames[0].shape[:2], pix_fmt
    coder.options = options
    coder.framerate, coder.time_base = fractions.Fraction(25), fractions.Fraction(1, 25)
    packets = []
    for k, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
        frame.pts = k
        packets += coder.encode(frame)
    decoder = av.CodecContext.create({"libx264": "h264"}.get(name, name), "r")
    decoder.height, decoder.width, decoder.extradata = coder.height, coder.width, coder.extradata
    found = [f for packet in packets + coder.encode(None) for f in decoder.decode(packet)] + decoder.decode(None)
    return [f.to_ndarray(format="rgb24") for f in found]


def unsheet(pixels, n, h, w):
    across = int(np.ceil(n ** 0.5))
    down = -(-n // across)
    pixels = pixels[:down * h, :across * w].reshape(down, h, across, w, 3).swapaxes(1, 2)
    return from_bytes(pixels.reshape(-1, h, w, 3)[:n])


def h264(x):
    """All patches as one picture of a video, of one rate factor."""
    options = {"crf": str(random.randint(14, 30)), "preset": "veryfast", "tune": "zerolatency"}
    return unsheet(coded([sheet(to_bytes(x))], "libx264", "yuv420p", options)[0], len(x), *x.shape[2:])


def mpeg2(x):
    """As on a DVD: one picture, of one quantiser."""
    scale = str(random.randint(2, 12))
    options = {"qmin": scale, "qmax": scale, "flags": "+qscale", "global_quality": str(118 * int(scale))}
    return unsheet(coded([sheet(to_bytes(x))], "mpeg2video", "yuv420p", options)[0], len(x), *x.shape[2:])


DV = 576, 720


def dv(x):
    """As on a tape of DV, 4:2:0: pictures of 720x576."""
    pixels = sheet(to_bytes(x))
    h, w = pixels.shape[:2]
    made = np.zeros_like(pixels)
    for top in range(0, h, DV[0]):
        for left in range(0, w, DV[1]):
            part = pixels[top:top + DV[0], left:left + DV[1]]
            full = np.pad(part, ((0, DV[0] - part.shape[0]), (0, DV[1] - part.shape[1]), (0, 0)), mode="edge")
            made[top:top + DV[0], left:left + DV[1]] = coded([full], "dvvideo", "yuv420p", {})[0][:part.shape[0],
                                                                                                  :part.shape[1]]
    return unsheet(made, len(x), *x.shape[2:])


def inter(x):
    """The last of some frames of the same picture, coded from one to the next: what its noise, which is all that
    changes, is left as. The frames before have other noise that is as strong."""
    n, _, h, w = x.shape
    fine = x - blur(x, uniform(n, 1, 1))
    strength = fine.std((1, 2, 3), keepdim=True)
    before = [x - fine + strength * torch.randn_like(x) for _ in range(random.randint(2, 5))]
    options = {"crf": str(random.randint(16, 28)), "preset": "veryfast", "tune": "zerolatency"}
    return unsheet(coded([sheet(to_bytes(v.clamp(-1, 1))) for v in [*before, x]], "libx264", "yuv420p", options)[-1],
                   n, h, w)


def stored(x):
    """No codec: 8 bits."""
    return from_bytes(to_bytes(x))


def kept(x):
    """Nor red, green and blue, which would be clipped."""
    return ((x + 1) * 127.5).round() / 127.5 - 1


CODECS = {jpeg: 0.5, h264: 0.2, stored: 0.3}
VIDEO_CODECS = {jpeg: 0.1, h264: 0.15, kept: 0.75}  # after noise of video
OLD_CODECS = {mpeg2: 0.25, dv: 0.25, inter: 0.2, h264: 0.1, stored: 0.2}


def shifted(x, y, left):
    """Mirrored so that blocks and colour filters begin anywhere in the patch."""
    return F.pad(x, (left, BLOCK - left, y, BLOCK - y), mode="reflect")


def parts(methods, count):
    """Splits a batch: [(method, indices)], each with its share at random."""
    chosen = random.choices(list(methods), list(methods.values()), k=count)
    return [(m, torch.tensor([i for i, c in enumerate(chosen) if c is m])) for m in methods if m in chosen]


def draw(x0, grey, sources=SOURCES, codecs=None):
    """(noisy, clean, apart): the first two as x0: [N, 3, H, W] in [-1, 1], sides at least 16; apart: [N, 1, 1, 1],
    whether luma and chroma have each their own noise. grey: [N, 1, 1, 1], patches that stay so.

    sources, codecs: methods and how often each is drawn.
    """
    h, w = x0.shape[2:]
    y, left = random.randrange(BLOCK), random.randrange(BLOCK)
    noisy = shifted(x0, y, left)
    clean = noisy.clone()
    apart = torch.zeros(len(x0), 1, 1, 1, dtype=torch.bool)
    for source, at in parts(sources, len(x0)):
        noisy[at], clean[at] = source(clean[at])
        apart[at] = source in (video, vhs)
        for codec, of_them in parts(codecs or (VIDEO_CODECS if source is video else CODECS), len(at)):
            noisy[at[of_them]] = codec(noisy[at[of_them]])
    both = (torch.where(grey, luma(v).expand_as(v), v)[..., y:y + h, left:left + w] for v in (noisy, clean))
    return *both, apart


def white_sigma(residual):
    """The sigma of white noise that is as strong as this noise is, at full or at half the size, where it is stronger.

    Halving a picture halves white noise; what has grains of many pixels stays. A network for white noise that is given
    the sigma of single pixels leaves them. residual: [N, C, H, W]; returns [N, 1, 1, 1], 0-255 scale.
    """
    whole = residual.square().mean((1, 2, 3), keepdim=True).sqrt() * 127.5
    half = F.avg_pool2d(residual, 2).square().mean((1, 2, 3), keepdim=True).sqrt() * 127.5
    return torch.maximum(whole, 2 * half)


def mistaken(count):
    """Factors that an estimate is off by: mostly a little, and one time in five by what codecs and texture do."""
    wrong, right = (torch.randn(count, 1, 1, 1) * k for k in (0.4, 0.12))
    return choose(0.2, wrong, right).exp()


def deviation(x):
    return x.square().mean((1, 2, 3), keepdim=True).sqrt() * 127.5


def luma_sigma(residual):
    """What the engine tells models of real noise, which is what luma has (engine/analysis/noise_estimation.c)."""
    y = luma(residual)
    return torch.maximum(REAL_LUMA * deviation(y), 2 * deviation(F.avg_pool2d(y, 2)))


def chroma_sigma(residual):
    """Of Cb and Cr at half the size, where most files have them."""
    half = F.avg_pool2d(residual, 2)
    y = luma(half)
    return deviation(torch.cat([(half[:, 2:] - y) / 1.772, (half[:, :1] - y) / 1.402], 1))


def told_sigmas(residual, apart):
    """The sigmas to give a network in training, and of chroma, each [N, 1, 1, 1]. Where luma and chroma have each their
    own noise, the first is that of luma; elsewhere between that and white_sigma."""
    whole, fine = white_sigma(residual).clamp(min=0.1), luma_sigma(residual).clamp(min=0.1)
    between = (fine.log().lerp(whole.log(), torch.rand(len(whole), 1, 1, 1))).exp()
    n = len(whole)
    return torch.where(apart, fine, between) * mistaken(n), chroma_sigma(residual) * mistaken(n)
