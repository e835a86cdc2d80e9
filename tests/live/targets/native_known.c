/* An extension module whose functions' growth is known. Limited API: one build for every CPython
 * from 3.8 on. */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MIB   ((size_t)1 << 20)
#define BLOCK 1000

/* Not static: a stripped build still tells their names. */
__attribute__((noinline)) void grow_small(size_t bytes)
{
    for (size_t done = 0; done < bytes; done += BLOCK + 16)
        memset(malloc(BLOCK), 1, BLOCK);
}

__attribute__((noinline)) void grow_mapped(size_t bytes)
{
    volatile char *at =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < bytes; i += 4096)
        at[i] = 1;
}

/* Static: in a stripped build only the beginning of its unwind information is left of it. */
__attribute__((noinline)) static void grow_quietly(size_t bytes)
{
    grow_mapped(bytes);
    __asm__ volatile(""); /* not a jump to it */
}

__attribute__((noinline)) void *work_alone(void *megabytes)
{
    grow_mapped(*(size_t *)megabytes * MIB);
    return NULL;
}

static PyObject *run(PyObject *argument, void (*grow)(size_t))
{
    size_t megabytes = PyLong_AsSize_t(argument);
    if (PyErr_Occurred())
        return NULL;
    grow(megabytes * MIB);
    Py_RETURN_NONE;
}

static PyObject *small(PyObject *self, PyObject *argument)
{
    (void)self;
    return run(argument, grow_small);
}

static PyObject *mapped(PyObject *self, PyObject *argument)
{
    (void)self;
    return run(argument, grow_mapped);
}

static PyObject *quietly(PyObject *self, PyObject *argument)
{
    (void)self;
    return run(argument, grow_quietly);
}

__attribute__((noinline)) PyObject *call_back(PyObject *function)
{
    PyObject *result = PyObject_CallObject(function, NULL);
    __asm__ volatile("");
    return result;
}

static PyObject *callback(PyObject *self, PyObject *argument)
{
    (void)self;
    return call_back(argument);
}

static PyObject *alone(PyObject *self, PyObject *argument)
{
    size_t megabytes = PyLong_AsSize_t(argument);
    pthread_t thread;
    (void)self;
    if (PyErr_Occurred() || pthread_create(&thread, NULL, work_alone, &megabytes))
        return NULL;
    Py_BEGIN_ALLOW_THREADS pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"small", small, METH_O, NULL},     {"mapped", mapped, METH_O, NULL},
    {"quietly", quietly, METH_O, NULL}, {"callback", callback, METH_O, NULL},
    {"alone", alone, METH_O, NULL},     {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "native_known", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_native_known(void)
{
    return PyModule_Create(&module);
}
