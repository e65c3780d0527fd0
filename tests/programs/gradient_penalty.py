import argparse
import itertools

import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--latent_dim", type=int, default=6)
parser.add_argument("--img_size", type=int, default=8)
opt = parser.parse_args([])
cuda = True if torch.cuda.is_available() else False


def weights_init_normal(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        torch.nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        torch.nn.init.normal_(m.weight.data, 1.0, 0.02)
        torch.nn.init.constant_(m.bias.data, 0.0)


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()
        self.init_size = opt.img_size // 4
        self.l1 = nn.Sequential(nn.Linear(opt.latent_dim, 16 * self.init_size**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(16),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 16, 3, stride=1, padding=1),
            nn.BatchNorm2d(16, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 1, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        out = self.l1(z)
        out = out.view(out.shape[0], 16, self.init_size, self.init_size)
        return self.conv_blocks(out)


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()

        def discriminator_block(in_filters, out_filters, bn=True):
            block = [nn.Conv2d(in_filters, out_filters, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.0)]
            if bn:
                block.append(nn.BatchNorm2d(out_filters, 0.8))
            return block

        self.model = nn.Sequential(*discriminator_block(1, 4, bn=False), *discriminator_block(4, 8))
        ds_size = opt.img_size // 2**2
        self.adv_layer = nn.Sequential(nn.Linear(8 * ds_size**2, 1), nn.Sigmoid())

    def forward(self, img):
        out = self.model(img)
        return self.adv_layer(out.view(out.shape[0], -1))


def compute_gradient_penalty(D, real_samples, fake_samples, alpha):
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = torch.ones(real_samples.shape[0], 1).requires_grad_(False)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


generator, discriminator = Generator(), Discriminator()
generator.apply(weights_init_normal)
discriminator.apply(weights_init_normal)
for net in (generator, discriminator):
    for i, p in enumerate(net.parameters()):
        p.data.copy_((torch.arange(p.numel()) + i).float().cos().mul(0.3).view_as(p.data))
adversarial_loss = torch.nn.BCELoss()
optimizer_G = torch.optim.Adam(itertools.chain(generator.parameters()), lr=2e-3, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
log = []
for i in range(3):
    imgs = torch.from_numpy(np.sin(np.arange(4 * 64) + i).reshape(4, 1, 8, 8)).type(torch.float32)
    valid = torch.ones(imgs.size(0), 1)
    fake = torch.zeros((imgs.size(0), 1))
    optimizer_G.zero_grad()
    z = torch.as_tensor(np.cos(np.arange(24) * 0.3 + i).reshape(4, 6), dtype=torch.float)
    gen_imgs = generator(z)
    g_loss = adversarial_loss(discriminator(gen_imgs), valid)
    g_loss.backward()
    optimizer_G.step()
    optimizer_D.zero_grad()
    real_loss = adversarial_loss(discriminator(imgs), valid)
    fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)
    gp = compute_gradient_penalty(discriminator, imgs.data, gen_imgs.data, torch.full((4, 1, 1, 1), 0.25))
    d_loss = (real_loss + fake_loss) / 2 + 10 * gp
    d_loss.backward()
    optimizer_D.step()
    log.append([d_loss.item(), g_loss.item(), gp.item()])
results = [log, gen_imgs.data[:2].std(), generator(z).detach().cpu().numpy().transpose(0, 2, 3, 1).shape]
