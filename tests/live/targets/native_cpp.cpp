// C++ with what makes unwinding and naming harder: templates, inlining, exceptions, destructors on the way out.
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace growth {

static std::vector<std::unique_ptr<std::vector<char>>> kept;

// Inlined: debug information alone knows it.
static inline __attribute__((always_inline)) void fill(std::vector<char> &block, char value)
{
    for (size_t i = 0; i < block.size(); i += 4096)
        const_cast<volatile char &>(block[i]) = value;
}

template <typename Exception> __attribute__((noinline)) void grow_and_throw(size_t bytes)
{
    auto block = std::make_unique<std::vector<char>>();
    block->reserve(bytes);
    block->resize(bytes);
    fill(*block, 1);
    kept.push_back(std::move(block));
    throw Exception("grown");
}

__attribute__((noinline)) void catcher(size_t bytes)
{
    try {
        grow_and_throw<std::runtime_error>(bytes);
    } catch (const std::runtime_error &) {
    }
}

} // namespace growth

static PyObject *thrown(PyObject *, PyObject *argument)
{
    growth::catcher(PyLong_AsSize_t(argument) << 20);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"thrown", thrown, METH_O, nullptr}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "native_cpp", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit_native_cpp()
{
    return PyModule_Create(&module);
}
