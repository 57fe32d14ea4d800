"""Figures that the papers print, of their own data: PEGASUS (CVPR 2024), main tables 1 to 3 and supplement table 1."""

HAIR = {  # main table 1: edited hair
    "CD + PA": {"fid": 181.60, "kid": 0.1367, "arcface": 0.6691},
    "E4S + PA": {"fid": 176.64, "kid": 0.1416, "arcface": 0.5701},
    "DELTA": {"fid": 198.40, "kid": 0.1797, "arcface": 0.6732},
    "Ours_swap + PA": {"fid": 169.54, "kid": 0.1406, "arcface": 0.7179},
    "Ours_person-gen": {"fid": 190.10, "kid": 0.1696, "arcface": 0.6883},
    "Ours_zero-shot": {"fid": 191.47, "kid": 0.1881, "arcface": 0.7792},
}
GENERATIVE = {  # main table 2: unseen codes
    "no synthesis, latent swap": {"fid": 231.62, "kid": 0.2630, "arcface": 0.6285},
    "no synthesis, latent interpolation": {"fid": 240.17, "kid": 0.2482, "arcface": 0.4722},
    "synthesis, latent interpolation": {"fid": 206.87, "kid": 0.1839, "arcface": 0.8127},
}
OFFSETS = {  # main table 3: which offsets the networks have
    "no gc, no sc": {"psnr": 20.92, "ssim": 0.9059, "lpips": 0.1351},
    "no gc, sc": {"psnr": 21.55, "ssim": 0.9033, "lpips": 0.1292},
    "gc, sc": {"psnr": 21.75, "ssim": 0.9059, "lpips": 0.1291},
}
CONSISTENCY = {  # supplement table 1; the scale of its L2 is not stated
    "CD + PA": {"tl_id": 0.9968, "tg_id": 0.9095, "masked_l2": 114.73, "masked_lpips": 0.1428},
    "E4S + PA": {"tl_id": 0.9960, "tg_id": 0.8677, "masked_l2": 110.66, "masked_lpips": 0.1234},
    "DELTA": {"tl_id": 0.9404, "tg_id": 0.8368, "masked_l2": 135.03, "masked_lpips": 0.1663},
    "Ours_swap + PA": {"tl_id": 0.9940, "tg_id": 0.9558, "masked_l2": 97.170, "masked_lpips": 0.1115},
    "Ours_person-gen": {"tl_id": 0.9910, "tg_id": 0.9254, "masked_l2": 105.65, "masked_lpips": 0.1224},
    "Ours_zero-shot": {"tl_id": 0.9908, "tg_id": 0.9178, "masked_l2": 114.38, "masked_lpips": 0.1328},
}
