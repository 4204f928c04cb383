"""The same image endpoint as LitServe's own guide writes one: python service_rival.py PORT."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import litserve

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "service"), str(HERE.parent)]


class Draw(litserve.LitAPI):
    def setup(self, device):
        import torch
        from test_sampling import tiny

        torch.set_grad_enabled(False)
        self.generator = tiny()

    def decode_request(self, request):
        from synthaug.provenance import latent_seed

        return latent_seed(request["seed"], "dark", 0)

    def batch(self, inputs):
        return list(inputs)

    def predict(self, seeds):
        generator = self.generator
        latents = generator.latents(seeds)
        return generator.render(latents, [0] * len(seeds), together=True)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, image):
        data = image.permute(1, 2, 0).contiguous().numpy().tobytes()
        return {"data": base64.b64encode(data).decode()}


if __name__ == "__main__":
    server = litserve.LitServer(
        Draw(max_batch_size=64, batch_timeout=0.002), accelerator="cpu", workers_per_device=1
    )
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)
