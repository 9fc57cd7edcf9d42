// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs the compiled program on a card.
//
//   host design.xclbin FOLDER INPUT.bin... [--runs N]
//
// FOLDER is the compiled folder, which has the weights. One raw file (row-major numbers) for each input in order; each
// output is written to NAME.bin in the current folder.
#include "runtime.h"

namespace compiled {
#include "program.h"
}

namespace {

std::vector<char> read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("can't read " + path);
    std::vector<char> bytes(static_cast<size_t>(file.tellg()));
    file.seekg(0);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

int run(const std::vector<std::string> &arguments, int runs) {
    const runtime::Program &program = compiled::kProgram;
    if (arguments.size() != program.inputs.size() + 2) {
        std::cerr << "usage: host design.xclbin FOLDER INPUT.bin... [--runs N], with " << program.inputs.size()
                  << " inputs\n";
        return 2;
    }
    runtime::Card card(arguments[0]);
    runtime::Launches launches(program, card, runtime::Weights(arguments[1]));
    for (size_t i = 0; i < program.inputs.size(); ++i) {
        const std::vector<char> data = read_file(arguments[i + 2]);
        launches.input(i).fill(data.data(), data.size());
    }
    for (int i = 0; i < runs; ++i) std::cerr << "run " << i + 1 << ": " << launches.run() << " ms\n";
    for (size_t i = 0; i < program.outputs.size(); ++i) {
        runtime::Memory &output = launches.output(i);
        std::ofstream(program.outputs[i].name + ".bin", std::ios::binary)
            .write(output.on_host(), static_cast<std::streamsize>(output.bytes()));
    }
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    std::vector<std::string> arguments;
    int runs = 1;
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) == "--runs" && i + 1 < argc) {
            runs = std::atoi(argv[++i]);
        } else {
            arguments.push_back(argv[i]);
        }
    }
    try {
        return run(arguments, runs);
    } catch (const std::exception &error) {
        std::cerr << "error: " << error.what() << "\n";
        return 1;
    }
}
