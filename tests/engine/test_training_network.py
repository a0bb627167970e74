"""The lean training form equals the published classes, so that what is trained is what is run."""

import torch
from transformers import DynamicCache

from engine.training.export import published
from engine.training.holes import Sizes
from engine.training.network import Network, Shape

_SHAPE = Shape(
    vocab_size=128, hidden_size=32, intermediate_size=48, num_layers=7, num_heads=4, num_key_value_heads=2, head_dim=16
)


def _random_network() -> Network:
    torch.manual_seed(0)
    network = Network(_SHAPE)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network


@torch.no_grad()
def test_encoder_and_canvases_equal_the_published_model():
    network = _random_network()
    model = published(network, Sizes(prefix_length=40, canvas_length=12))
    prefix, canvas = torch.randint(0, 120, (2, 40)), torch.randint(0, 120, (4, 12))
    starts = torch.tensor([25, 40, 7, 33])

    hidden, cache = network.encode(prefix)
    ours = network.logits(network.decode(canvas, starts, cache))

    published_cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    encoded = model.model.encoder(input_ids=prefix, past_key_values=published_cache).last_hidden_state
    torch.testing.assert_close(hidden, encoded, rtol=0, atol=1e-5)
    for index, start in enumerate(starts.tolist()):
        one_cache = DynamicCache(config=model.config.get_text_config(decoder=True))
        model.model.encoder(input_ids=prefix[index // 2, None, :start], past_key_values=one_cache)
        theirs = model(decoder_input_ids=canvas[index, None], past_key_values=one_cache).logits
        torch.testing.assert_close(ours[index, None], theirs, rtol=0, atol=2e-5)


@torch.no_grad()
def test_self_conditioning_equals_the_published_model():
    network = _random_network()
    model = published(network, Sizes(prefix_length=8, canvas_length=12))
    prefix, canvas = torch.randint(0, 120, (1, 8)), torch.randint(0, 120, (1, 12))
    previous = torch.randn(1, 12, 128) * 3
    _, cache = network.encode(prefix)
    signal = previous.softmax(-1) @ network.embedding * _SHAPE.hidden_size**0.5
    ours = network.logits(network.decode(canvas, torch.tensor([8]), cache, signal))
    published_cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    model.model.encoder(input_ids=prefix, past_key_values=published_cache)
    theirs = model(decoder_input_ids=canvas, past_key_values=published_cache, self_conditioning_logits=previous).logits
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
