// SPDX-License-Identifier: LGPL-2.1-or-later
// Why processors whose driver makes vectors of work-items get the GPU kernels, which do little each: llvmpipe of
// Mesa 22.3 ends a work-item after 65,535 turns of its loops, and prints that here, where PoCL 3.1 and Intel's driver
// print 100000.
//     cc loops.c -lOpenCL -o loops && RUSTICL_ENABLE=llvmpipe ./loops
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>

static const char *source = "kernel void count(volatile global int *to) {\n"
                            "    const int turns = to[0];\n"
                            "    to[0] = 0;\n"
                            "    for (int i = 0; i < turns; i++)\n"
                            "        to[0] = to[0] + 1;\n"
                            "}\n";

int main(void)
{
    cl_int value = 100000;
    cl_platform_id platform;
    cl_device_id device;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 77;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, NULL);
    clBuildProgram(program, 1, &device, NULL, NULL, NULL);
    cl_kernel kernel = clCreateKernel(program, "count", NULL);
    cl_mem to = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof value, &value, NULL);
    clSetKernelArg(kernel, 0, sizeof to, &to);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, (size_t[]){ 1 }, NULL, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, to, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL);
    printf("%d\n", value);
    return 0;
}
