from __future__ import annotations
from deltarule.engines.compiled.pointers import call
from deltarule.engines.compiled.pointers import load as load_
from deltarule.engines.compiled.processor import kernel
from deltarule.engines.compiled.tiles import *
from deltarule.engines.compiled.tiles import BLOCK_DEPTH, BLOCK_ROWS, PACK_ROWS

@kernel
def slot(table, index): return load_(table+8*index, 0)

@kernel
def _panel(table, rows, depth, width, a, a_row, a_step, b, b_step, c, c_row, start, start_row):
    tiles_ = -(-rows // slot(table, HEIGHTS+width))
    height = rows//tiles_
    taller = rows-height*tiles_
    if taller:
        call(slot(table, TILE+16*width+height+1),(taller,depth,a,a_row,a_step,b,b_step,c,c_row,start,start_row))
        above = taller*(height+1)
        a+=above*a_row; c+=above*c_row; start+=above*start_row
    call(slot(table, TILE+16*width+height),(tiles_-taller,depth,a,a_row,a_step,b,b_step,c,c_row,start,start_row))

@kernel
def _pack(table, width, depth, b, b_row, valid, target):
    """transposed: valid rows of B available."""
    vb=slot(table,VECTOR_BYTES); lanes=slot(table,LANES)
    blocks=-(-depth//lanes)
    for column in range(width):
        rows=valid-column*lanes
        if rows>=lanes: call(slot(table,TRANSPOSE),(blocks,rows,b+column*lanes*b_row,b_row,target+column*vb,width*vb))
        elif rows>0: call(slot(table,TRANSPOSE_PART),(blocks,rows,b+column*lanes*b_row,b_row,target+column*vb,width*vb))
        else:
            for k in range(depth): call(slot(table,COPY+1),(1,slot(table,ZEROS),0,target+(k*width+column)*vb))

@kernel
def multiply(table, rows, depth, columns, a, a_row, a_step, b, b_row, c, c_row, start, start_row, workspace, transposed):
    item=slot(table,ITEM_BYTES); vb=slot(table,VECTOR_BYTES); lanes=slot(table,LANES)
    vectors=-(-(-(-columns//16)*16)//lanes)
    widest=slot(table,WIDTHS+min(rows,15))
    panels=-(-vectors//widest)
    narrow=vectors//panels
    wider=vectors-narrow*panels
    packed = transposed or rows>=slot(table,PACK_ROWS)
    block_rows = slot(table,BLOCK_ROWS) if packed else rows
    block_depth = slot(table,BLOCK_DEPTH) if packed else depth
    for top in range(0,rows,block_rows):
        height=min(block_rows,rows-top)
        for k in range(0,depth,block_depth):
            deep=min(block_depth,depth-k)
            vector=0
            for panel in range(panels):
                width=narrow+(panel<wider)
                left=vector*vb
                target=c+top*c_row+left
                if k: first=target; first_row=c_row
                elif start: first=start+left; first_row=start_row
                else: first=slot(table,ZEROS); first_row=0
                if transposed:
                    _pack(table,width,deep,b+vector*lanes*b_row+k*item,b_row,columns-vector*lanes,workspace)
                    pb=workspace; pstep=width*vb
                elif packed:
                    call(slot(table,COPY+width),(deep,b+k*b_row+left,b_row,workspace))
                    pb=workspace; pstep=width*vb
                else: pb=b+left;pstep=b_row
                _panel(table,height,deep,width,a+top*a_row+k*a_step,a_row,a_step,pb,pstep,target,c_row,first,first_row)
                vector+=width
@kernel
def forward(table,z,z_stride,bias,a,a_stride,w,w_stride,rows,fan_in,columns,workspace):
    item=slot(table,ITEM_BYTES)
    multiply(table,rows,fan_in,columns,a,a_stride*item,item,w,w_stride*item,z,z_stride*item,bias,0,workspace,False)
@kernel
def backward(table,da,da_stride,d,d_stride,w,w_stride,rows,fan_in,fan_out,workspace):
    item=slot(table,ITEM_BYTES)
    multiply(table,rows,fan_out,fan_in,d,d_stride*item,item,w,w_stride*item,da,da_stride*item,0,0,workspace,True)
@kernel
def gradient(table,g,g_stride,a,a_stride,d,d_stride,batch,rows,columns,workspace):
    item=slot(table,ITEM_BYTES)
    multiply(table,rows,batch,columns,a,item,a_stride*item,d,d_stride*item,g,g_stride*item,0,0,workspace,False)
