// Philox4x64-10 (Salmon et al. 2011) in the order of numpy.random.Philox, which steps its counter before the first block.
#pragma once

#include <cstdint>

namespace chainrule::CHAINRULE_ISA {

class Philox {
public:
    // The key is (seed, stream), the counter (block, epoch, step, 0).
    Philox(uint64_t seed, uint64_t stream, uint64_t epoch, uint64_t step)
        : seed(seed), stream(stream), epoch(epoch), step(step) {}

    uint64_t bits64(uint64_t index) {
        if (index / 4 + 1 != block) generate(block = index / 4 + 1, word);
        return word[index % 4];
    }

    uint32_t bits16(uint64_t index) { return uint32_t(bits64(index / 4) >> (index % 4 * 16)) & 0xffff; }

    // The first n numbers; up to three more are written.
    void first(int64_t n, uint64_t* to) const {
        for (int64_t i = 0; i < n; i += 4) generate(uint64_t(i) / 4 + 1, to + i);
    }

private:
    void generate(uint64_t block, uint64_t* to) const {
        uint64_t a = block, b = epoch, c = step, d = 0, key0 = seed, key1 = stream;
        for (int round = 0; round < 10; round++) {
            const unsigned __int128 p = (unsigned __int128)0xD2E7470EE14C6C93 * a;
            const unsigned __int128 q = (unsigned __int128)0xCA5A826395121157 * c;
            a = uint64_t(q >> 64) ^ b ^ key0;
            b = uint64_t(q);
            c = uint64_t(p >> 64) ^ d ^ key1;
            d = uint64_t(p);
            key0 += 0x9E3779B97F4A7C15;
            key1 += 0xBB67AE8584CAA73B;
        }
        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    }

    uint64_t seed, stream, epoch, step, block = 0, word[4];
};

}  // namespace chainrule::CHAINRULE_ISA
