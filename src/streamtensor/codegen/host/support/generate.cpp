// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Continues a text of token ids with a compiled language model on a card.
//
//   generate prefill.xclbin decode.xclbin FOLDER IDS... [-n N] [--ignore-end]
//
// IDS are numbers, or files of numbers. The new ids are written as they come: N of them, or fewer when one ends the text
// or the context is full. FOLDER is the compiled folder, which has the weights.
//
// With two bitstreams the card is loaded anew between the prompt and the first new token. If both are the same file it
// is loaded once, the weights too, and a kernel is called prefill_NAME or decode_NAME there.
#include "../prefill/host/runtime.h"

namespace prefill {
#include "../prefill/host/program.h"
}
namespace decode {
#include "../decode/host/program.h"
}

namespace {

// The order in which a program reads a tensor of the cache: number i, j, ... of `shape` is number
// offset + i * strides[0] + j * strides[1] + ... of the row-major tensor.
struct Layout {
    int64_t offset;
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;
};
// A buffer of decode that holds a tensor of the cache.
struct Form {
    int buffer;
    int layout;
};
// A tensor of the cache, [heads, context, width], and the output of both programs that is new rows of it.
struct Tensor {
    size_t output;
    int64_t heads;
    int64_t width;
    size_t number_bytes;
    std::vector<Form> forms;
};

// @TABLES@

// For each number of a row-major tensor its index in the packed form.
std::vector<int64_t> places_of(const Layout &layout) {
    int64_t count = 1;
    for (int64_t size : layout.shape) count *= size;
    std::vector<int64_t> places(static_cast<size_t>(count));
    for (int64_t place = 0; place < count; ++place) {
        int64_t number = layout.offset, rest = place;
        for (size_t i = layout.shape.size(); i-- > 0; rest /= layout.shape[i]) {
            number += rest % layout.shape[i] * layout.strides[i];
        }
        places[static_cast<size_t>(number)] = place;
    }
    return places;
}

// What a run gave: the next token, and the rows of each tensor of the cache, [heads, rows, width].
struct Result {
    int64_t token;
    std::vector<std::vector<char>> rows;
};

Result result_of(runtime::Launches &launches) {
    const Logit *logits = reinterpret_cast<const Logit *>(launches.output(0).on_host());
    int64_t best = 0;
    for (int64_t i = 1; i < kVocabulary; ++i) {
        if (logits[i] > logits[best]) best = i;
    }
    Result result{best, {}};
    for (const Tensor &tensor : kCache) {
        runtime::Memory &memory = launches.output(tensor.output);
        const char *rows = memory.on_host();
        result.rows.emplace_back(rows, rows + memory.bytes());
    }
    return result;
}

// The KV cache in the buffers of decode, in the layouts in which it reads them; only new rows are ever written.
class Cache {
  public:
    explicit Cache(runtime::Launches &decode) : decode_(decode) {
        for (const Layout &layout : kLayouts) places_.push_back(places_of(layout));
    }

    // Puts the first `count` rows of what a run gave in the places from `position` on.
    void write(const Result &result, int64_t position, int64_t count) {
        for (size_t i = 0; i < kCache.size(); ++i) {
            for (const Form &form : kCache[i].forms) write(kCache[i], form, result.rows[i], position, count);
        }
    }

  private:
    void write(const Tensor &tensor, const Form &form, const std::vector<char> &rows, int64_t position, int64_t count) {
        runtime::Memory &memory = decode_.memory(form.buffer);
        char *numbers = memory.on_host();
        const std::vector<int64_t> &places = places_[static_cast<size_t>(form.layout)];
        const size_t bytes = tensor.number_bytes;
        const int64_t row_count = static_cast<int64_t>(rows.size() / bytes) / (tensor.heads * tensor.width);
        for (int64_t head = 0; head < tensor.heads; ++head) {
            for (int64_t row = 0; row < count; ++row) {
                const char *from = rows.data() + (head * row_count + row) * tensor.width * bytes;
                const int64_t first = (head * kContext + position + row) * tensor.width;
                for (int64_t i = 0; i < tensor.width; ++i) {
                    const size_t to = static_cast<size_t>(places[static_cast<size_t>(first + i)]) * bytes;
                    std::memcpy(numbers + to, from + i * bytes, bytes);
                    memory.written_by_host(to, bytes);
                }
            }
        }
    }

    runtime::Launches &decode_;
    std::vector<std::vector<int64_t>> places_;
};

void add_ids(const std::string &argument, std::vector<Id> &ids) {
    char *end = nullptr;
    const long long number = std::strtoll(argument.c_str(), &end, 10);
    if (end != argument.c_str() && *end == '\0') {
        ids.push_back(static_cast<Id>(number));
        return;
    }
    std::ifstream file(argument);
    if (!file) throw std::runtime_error(argument + " is neither a number nor a file of numbers");
    Id id;
    while (file >> id) ids.push_back(id);
    if (!file.eof()) throw std::runtime_error(argument + " holds something else than numbers");
}

void check(const std::vector<Id> &ids) {
    if (ids.empty()) throw std::runtime_error("the prompt is empty");
    if (ids.size() > kPromptLength) {
        throw std::runtime_error("the prompt has " + std::to_string(ids.size()) +
                                 " tokens, the program was compiled for " + std::to_string(kPromptLength));
    }
    for (Id id : ids) {
        if (id < 0 || id >= kVocabulary) {
            throw std::runtime_error("there is no token " + std::to_string(id) + ": the model has " +
                                     std::to_string(kVocabulary));
        }
    }
}

int generate(const std::vector<std::string> &arguments, int64_t wanted, bool ignore_end) {
    if (arguments.size() < 4 || wanted < 1) {
        std::cerr << "usage: generate prefill.xclbin decode.xclbin FOLDER IDS... [-n N] [--ignore-end]\n";
        return 2;
    }
    std::vector<Id> ids;
    for (size_t i = 3; i < arguments.size(); ++i) add_ids(arguments[i], ids);
    check(ids);
    const runtime::Weights weights(arguments[2]);
    const bool is_one = arguments[0] == arguments[1];

    auto card = std::make_unique<runtime::Card>(arguments[0]);
    auto prompt = std::make_unique<runtime::Launches>(prefill::kProgram, *card, weights, is_one ? "prefill_" : "");
    auto position = static_cast<Id>(ids.size());
    const Id last = position - 1;
    ids.resize(kPromptLength);
    prompt->input(0).fill(ids.data(), ids.size() * sizeof(Id));
    prompt->input(1).fill(&last, sizeof(last));
    const double prefill_ms = prompt->run();
    Result result = result_of(*prompt);
    if (!is_one) {  // a bitstream can only be loaded when nothing of the old one is in use
        prompt.reset();
        card.reset();
        card = std::make_unique<runtime::Card>(arguments[1]);
    }

    runtime::Launches decode(decode::kProgram, *card, weights, is_one ? "decode_" : "");
    Cache cache(decode);
    cache.write(result, 0, position);
    decode.sync();
    double decode_ms = 0;
    for (int64_t count = 1;; ++count) {
        std::cout << (count > 1 ? " " : "") << result.token << std::flush;
        bool is_end = false;
        for (int64_t end : kEndTokens) is_end = is_end || result.token == end;
        if ((is_end && !ignore_end) || count == wanted || position >= kContext) {
            std::cout << "\n";
            if (count < wanted && position >= kContext) std::cerr << "the context of " << kContext << " tokens is full\n";
            std::cerr << "prefill: " << prefill_ms << " ms\n";
            if (count > 1) {
                const auto steps = static_cast<double>(count - 1);
                std::cerr << "decode: " << decode_ms / steps << " ms per token, mean of " << count - 1 << "\n";
            }
            return 0;
        }
        const auto start = std::chrono::steady_clock::now();
        const auto token = static_cast<Id>(result.token);
        decode.input(0).fill(&token, sizeof(token));
        decode.input(1).fill(&position, sizeof(position));
        decode.run();
        result = result_of(decode);
        cache.write(result, position++, 1);
        decode_ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    }
}

}  // namespace

int main(int argc, char **argv) {
    std::vector<std::string> arguments;
    int64_t wanted = 16;
    bool ignore_end = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "-n" && i + 1 < argc) {
            wanted = std::atoll(argv[++i]);
        } else if (argument == "--ignore-end") {
            ignore_end = true;
        } else {
            arguments.push_back(argument);
        }
    }
    try {
        return generate(arguments, wanted, ignore_end);
    } catch (const std::exception &error) {
        std::cerr << "error: " << error.what() << "\n";
        return 1;
    }
}
