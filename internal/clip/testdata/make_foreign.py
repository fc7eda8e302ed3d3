#!/usr/bin/env python3
"""Makes foreign/: miniature checkpoints in the folders that transformers and open_clip
read, each with the features those libraries give.

    HF_HUB_OFFLINE=1 python3 make_foreign.py

The files in the tree were made with torch 2.15.0, transformers 5.24.0, open_clip_torch
3.3.0 and Pillow 13.0.0. The fields of the configurations are those that public
repositories print: openai/clip-vit-base-patch32 (every field dumped), laion's H-14 (towers
stated twice), files of newer versions (fields at their default left out), vision and text
models with projection, shards. Sizes are small; weights are random (seed 0).
"""

import json
import os
import shutil
import zipfile

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "foreign")
VISION = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8)
TEXT = dict(hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=77)
TOKENS = [[49406, 320, 1125, 539, 320, 1929, 269, 49407], [49406, 343, 49407]]  # "a photo of a dog.", "x"
PROMPTS = ["a photo of a dog.", "x"]
GENERIC = dict(  # what older versions dumped for every tower
    _name_or_path="", add_cross_attention=False, architectures=None, bad_words_ids=None, chunk_size_feed_forward=0,
    cross_attention_hidden_size=None, decoder_start_token_id=None, diversity_penalty=0.0, do_sample=False, early_stopping=False,
    encoder_no_repeat_ngram_size=0, finetuning_task=None, id2label={"0": "LABEL_0"}, is_decoder=False, is_encoder_decoder=False,
    label2id={"LABEL_0": 0}, length_penalty=1.0, max_length=20, min_length=0, no_repeat_ngram_size=0, num_beams=1,
    num_return_sequences=1, output_attentions=False, output_scores=False, pruned_heads={}, repetition_penalty=1.0,
    return_dict=True, temperature=1.0, tie_word_embeddings=True, top_k=50, top_p=1.0, torch_dtype=None, torchscript=False,
    transformers_version="4.16.0.dev0", typical_p=1.0, use_bfloat16=False)


def picture():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:38, :65]
    base = np.stack([x * 4, y * 6, (x * y) % 256], -1) + rng.normal(0, 15, (38, 65, 3))
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8))
    image.save(os.path.join(OUT, "picture.png"), optimize=True)
    return image


def randomise(model):
    torch.manual_seed(0)
    for name, p in model.named_parameters():
        p.data = torch.randn_like(p) * (0.3 if p.dim() > 1 else 0.2) + (1 if "norm" in name and "weight" in name or ".ln_" in name and "weight" in name else 0)
        if "token_embedding" in name and p.shape[0] > 1000:  # rows of other tokens deflate to nothing
            keep = torch.zeros(p.shape[0], 1)
            keep[sorted({t for prompt in TOKENS for t in prompt})] = 1
            p.data *= keep
        p.data = p.data.half().float()
    if hasattr(model, "logit_scale"):
        model.logit_scale.data.fill_(4.6)
    return model.eval()


def write(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)


def deflated(path, state):
    torch.save(state, path)
    with zipfile.ZipFile(path) as z:
        records = [(i.filename, z.read(i)) for i in z.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in records:
            z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def fresh(name):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def golden(folder, images, texts, **facts):
    def rows(x):
        return None if x is None else [[float(v) for v in row] for row in x.detach().numpy()]
    write(folder, "golden.json", dict(images=rows(images), texts=rows(texts), prompts=PROMPTS if texts is not None else None, **facts))


def features(x):
    return x if isinstance(x, torch.Tensor) else x.pooler_output


def huggingface(name, config, processor, save, **facts):
    folder = fresh(name)
    write(folder, "config.json", config)
    if processor:
        write(folder, "preprocessor_config.json", processor)
    kind = {"clip": CLIPModel, "clip_vision_model": CLIPVisionModelWithProjection, "clip_text_model": CLIPTextModelWithProjection}[config["model_type"]]
    loaded = kind.config_class.from_pretrained(folder)
    model = randomise(kind(loaded))
    save(folder, model)
    images = texts = None
    with torch.no_grad():
        if processor:
            pixels = CLIPImageProcessorPil.from_pretrained(folder)(IMAGE, return_tensors="pt")["pixel_values"]
            images = model(pixel_values=pixels).image_embeds if kind is CLIPVisionModelWithProjection else features(model.get_image_features(pixel_values=pixels))
        vocab = getattr(loaded, "text_config", loaded).vocab_size if kind is not CLIPVisionModelWithProjection else 0
        if vocab == 49408:
            rows = []
            for prompt in TOKENS:
                ids = torch.tensor([prompt])
                rows.append(model(input_ids=ids).text_embeds if kind is CLIPTextModelWithProjection else features(model.get_text_features(input_ids=ids)))
            texts = torch.cat(rows)
    golden(folder, images, texts, **facts)


def as_safetensors(folder, model):
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})


def as_bin(folder, model):
    deflated(os.path.join(folder, "pytorch_model.bin"), {k: v.half() for k, v in model.state_dict().items()})


def as_shards(folder, model):
    state = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    names = sorted(state)
    parts = [names[: len(names) // 2], names[len(names) // 2:]]
    index = {"metadata": {"total_size": sum(v.numel() * 2 for v in state.values())}, "weight_map": {}}
    for i, part in enumerate(parts):
        file = f"model-{i + 1:05}-of-{len(parts):05}.safetensors"
        save_file({k: state[k] for k in part}, os.path.join(folder, file), {"format": "pt"})
        index["weight_map"].update({k: file for k in part})
    write(folder, "model.safetensors.index.json", index)


def openclip(name, config, preprocess, **facts):
    folder = fresh(name)
    write(folder, "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": preprocess})
    model = randomise(open_clip.CLIP(**{k: v for k, v in config.items() if k != "custom_text"}))
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "open_clip_model.safetensors"))
    transform = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(size=config["vision_cfg"]["image_size"], **preprocess), is_train=False)
    with torch.no_grad():
        golden(folder, model.encode_image(transform(IMAGE)[None]), None, **facts)


def main():
    small = dict(vocab_size=100, eos_token_id=2, bos_token_id=0)
    huggingface(
        "hf-dumped",
        dict(model_type="clip", architectures=["CLIPModel"], _name_or_path="openai/clip-vit-base-patch32", initializer_factor=1.0,
             logit_scale_init_value=2.6592, projection_dim=12, text_config_dict=None, vision_config_dict=None, torch_dtype="float32",
             transformers_version=None,
             text_config=dict(GENERIC, **TEXT, **small, model_type="clip_text_model", hidden_act="quick_gelu", layer_norm_eps=1e-05,
                              attention_dropout=0.0, dropout=0.0, initializer_factor=1.0, initializer_range=0.02, pad_token_id=1),
             vision_config=dict(GENERIC, **VISION, model_type="clip_vision_model", hidden_act="quick_gelu", layer_norm_eps=1e-05,
                                attention_dropout=0.0, dropout=0.0, initializer_factor=1.0, initializer_range=0.02)),
        dict(crop_size=16, do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type="CLIPFeatureExtractor",
             image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711], resample=3, size=16),
        as_safetensors, activation="quick_gelu")
    huggingface(
        "hf-twice",
        dict(model_type="clip", projection_dim=12, text_config=dict(TEXT, vocab_size=49408, hidden_act="gelu", projection_dim=12),
             text_config_dict=dict(TEXT, hidden_act="gelu"), vision_config=dict(VISION, hidden_act="quick_gelu"),
             vision_config_dict=dict(VISION, hidden_act="gelu")),
        dict(crop_size={"height": 16, "width": 16}, do_center_crop=True, do_convert_rgb=True, do_normalize=True, do_rescale=True,
             do_resize=True, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5], resample=3, rescale_factor=0.00392156862745098,
             size={"shortest_edge": 20}, image_processor_type="CLIPImageProcessor"),
        as_bin, activation="gelu")
    huggingface(
        "hf-towers",
        dict(model_type="clip", projection_dim=12, dtype="float32", transformers_version="5.0.0",
             text_config=dict(TEXT, vocab_size=49408, hidden_act="relu", layer_norm_eps=1e-3),
             vision_config=dict(VISION, hidden_act="gelu", layer_norm_eps=1e-2)),
        dict(crop_size={"height": 16, "width": 16}, size={"shortest_edge": 16}),
        as_bin, activation="gelu")
    huggingface(
        "hf-vision",
        dict(VISION, model_type="clip_vision_model", architectures=["CLIPVisionModelWithProjection"], projection_dim=12),
        dict(do_center_crop=False, size={"height": 16, "width": 16}, resample=2, image_mean=[0.485, 0.456, 0.406],
             image_std=[0.229, 0.224, 0.225]),
        as_safetensors, activation="quick_gelu")
    huggingface(
        "hf-text", dict(TEXT, model_type="clip_text_model", hidden_act="gelu", projection_dim=12, vocab_size=49408),
        None, as_bin, activation="gelu")
    huggingface(
        "hf-shards",
        dict(model_type="clip", projection_dim=12, text_config=dict(TEXT, **small), vision_config=VISION),
        dict(crop_size={"height": 16, "width": 16}, size={"shortest_edge": 16}),
        as_shards, activation="quick_gelu")

    text = dict(context_length=77, vocab_size=100, width=8, heads=2, layers=2)
    vision = dict(image_size=16, layers=2, width=16, head_width=8, patch_size=8)
    openclip(
        "openclip-clipa",
        dict(embed_dim=12, vision_cfg=dict(vision, no_ln_pre=True, pool_type="avg", final_ln_after_pool=True),
             text_cfg=dict(text, pool_type="last", no_causal_mask=True)),
        dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], interpolation="bilinear", resize_mode="squash"), activation="gelu")
    openclip(
        "openclip-alt",
        dict(embed_dim=12, quick_gelu=True, vision_cfg=dict(vision, ls_init_value=1e-4, norm_kwargs={"eps": 1e-2}), text_cfg=text),
        dict(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5], interpolation="bicubic", resize_mode="longest", fill_color=7), activation="quick_gelu")
    openclip(
        "openclip-average",
        dict(embed_dim=12, vision_cfg=dict(vision, pool_type="avg"), text_cfg=text),
        dict(interpolation="bicubic", resize_mode="shortest"), activation="gelu")


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    IMAGE = picture()
    main()
