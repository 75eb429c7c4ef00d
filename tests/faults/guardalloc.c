/* A memory handler for NumPy that puts every array between two pages that may not be touched.
 *
 * enable(front): front = 0 ends each array at the page behind it, 1 begins it at the page before it. What is freed is
 * unmapped, so using it afterwards is a fault too. Fresh memory is filled with 0xA5. Handlers hold for one context:
 * each thread enables its own, all with the same `front`.
 * refuse(n): the n-th allocation from now on fails, once; 0 refuses none. */
#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define MAGIC 0x6775617264ULL

typedef struct {
  uint64_t magic, map, length, size;
} Header;

static int front = 0;
static long refused = 0;
static unsigned long live = 0, total = 0;

/* Of each map: front = 0: guard, header, data, guard; front = 1: header, guard, data, guard. */
static void *allocate(size_t size) {
  if (__atomic_load_n(&refused, __ATOMIC_RELAXED) > 0 && __atomic_sub_fetch(&refused, 1, __ATOMIC_RELAXED) == 0)
    return NULL;
  size_t given = size ? size : 1, data = (given + PAGE - 1) & ~(PAGE - 1), length = data + 3 * PAGE;
  char *map = mmap(0, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return NULL;
  char *header = front ? map : map + PAGE, *begin = map + 2 * PAGE;
  if (mprotect(header, PAGE, PROT_READ | PROT_WRITE) || mprotect(begin, data, PROT_READ | PROT_WRITE)) {
    munmap(map, length);
    return NULL;
  }
  *(Header *)header = (Header){MAGIC, (uint64_t)map, length, size};
  mprotect(header, PAGE, PROT_READ);
  __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
  return front ? begin : begin + data - given;
}

static Header *header_of(void *pointer) {
  uint64_t page = (uint64_t)pointer & ~(PAGE - 1);
  return (Header *)(page - (front ? 2 * PAGE : PAGE));
}

static void release(void *context, void *pointer, size_t size) {
  if (!pointer) return;
  Header *header = header_of(pointer);
  if (header->magic != MAGIC) abort();
  __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
  munmap((void *)header->map, header->length);
}

static void *get(void *context, size_t size) {
  void *pointer = allocate(size);
  if (pointer) memset(pointer, 0xA5, size);
  return pointer;
}

static void *get_zeros(void *context, size_t number, size_t item) { return allocate(number * item); }

static void *resize(void *context, void *pointer, size_t size) {
  void *other = get(context, size);
  if (!pointer || !other) return other;
  size_t before = header_of(pointer)->size;
  memcpy(other, pointer, before < size ? before : size);
  release(context, pointer, 0);
  return other;
}

static PyDataMem_Handler handler = {"guard", 1, {NULL, get, get_zeros, resize, release}};

static PyObject *enable(PyObject *self, PyObject *arguments) {
  if (!PyArg_ParseTuple(arguments, "i", &front)) return NULL;
  PyObject *capsule = PyCapsule_New(&handler, "mem_handler", NULL);
  if (!capsule) return NULL;
  PyObject *before = PyDataMem_SetHandler(capsule);
  Py_DECREF(capsule);
  return before;
}

static PyObject *refuse(PyObject *self, PyObject *arguments) {
  if (!PyArg_ParseTuple(arguments, "l", &refused)) return NULL;
  Py_RETURN_NONE;
}

static PyObject *stats(PyObject *self, PyObject *none) { return Py_BuildValue("kkl", live, total, refused); }

static PyMethodDef methods[] = {{"enable", enable, METH_VARARGS, ""},
                                {"refuse", refuse, METH_VARARGS, ""},
                                {"stats", stats, METH_NOARGS, ""},
                                {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "guardalloc", NULL, -1, methods};
PyMODINIT_FUNC PyInit_guardalloc(void) {
  import_array();
  return PyModule_Create(&definition);
}
